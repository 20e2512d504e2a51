"""Oracles that are real VPN programs, each between two network namespaces made for it."""
