"""A cure: a change to a host, with the words that make it and those that take it back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from csumlab.topology.model import Device, Domain, Port, Topology

AT_REBOOT: Final = "ethtool settings are lost at reboot: repeat it where the interface is brought up"


@dataclass(frozen=True, slots=True)
class Cure:
    """One change that was tried. ``command`` and ``undo`` are for ``domain``; ``cost`` and ``lasting`` are sentences. ``typed``: whether
    ``command`` is one for a shell as it stands, not an upgrade nor one with a word to be filled in."""

    domain: str
    command: str
    undo: str
    cost: str
    lasting: str
    topology: Topology
    typed: bool = True

    def __str__(self) -> str:
        return f"in {self.domain}: {self.command}"


def with_device(topology: Topology, port: Port, device: Device) -> Topology:
    """The topology with another device at ``port``."""
    domain = topology.domains[port.domain]
    return with_domain(topology, replace(domain, devices={**domain.devices, device.name: device}))


def with_domain(topology: Topology, domain: Domain) -> Topology:
    """The topology with another domain in place of that with its name."""
    return replace(topology, domains={**topology.domains, domain.name: domain})
