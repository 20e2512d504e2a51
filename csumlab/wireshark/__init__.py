"""Wireshark: a profile for annotated captures, an extcap for live ones, and how both are installed and removed."""
