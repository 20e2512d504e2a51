"""What a capture alone says about the host it was taken on, and a topology to start from: the answer of ``replay`` without one."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from csumlab.checking import CheckResult, check
from csumlab.headers import Layer
from csumlab.starting import Start, start_from
from csumlab.stations import Neighbourhood, Stations
from csumlab.topology.model import CARRIAGES, WRAPPING, Topology, wrapping_layers
from csumlab.topology.written import to_toml

NAMED: Final = 6
"""Addresses of a station that a sentence names."""
_NEEDING_DEVICES: Final = (
    {layer for kind in WRAPPING for everybody in (False, True) for layer in wrapping_layers(kind, everybody)}
    | {layer for one in CARRIAGES.values() for layers in one.layers.values() for layer in layers}
) - {Layer.UDP, Layer.ETHERNET, Layer.OPAQUE, Layer.PPP}
"""What only a device of its own puts around a packet."""


@dataclass(frozen=True)
class Suggestion:
    """``checked`` is what check says; ``local`` are the senders of partial sums, so on this side of a filling card; ``topology`` a start,
    and ``untold`` what it leaves open."""

    file: str
    checked: CheckResult
    local: tuple[str, ...]
    topology: Topology
    untold: tuple[str, ...] = ()

    @property
    def status(self) -> int:
        return self.checked.status

    def to_dict(self) -> dict[str, Any]:
        """Stable JSON."""
        return {
            "format": 1,
            "check": self.checked.to_dict(),
            "local_senders": list(self.local),
            "untold": list(self.untold),
            "needed": ["topology", "at"],
            "topology": to_toml(self.topology),
        }

    def __str__(self) -> str:
        lines = [self.checked.headline, ""]
        if self.local:
            lines.append("Senders of partial sums, so behind the same card as the capture point: " + "; ".join(self.local) + ".")
        else:
            lines.append("Nobody sends partial sums here, so the capture does not say which side is local.")
        lines += self.untold
        lines += [
            "To walk the packets through the host, say what the host is and where the capture was taken: save the lines below as",
            "host.toml, correct them (names, addresses, bridges, ethtool features), and run:",
            f"csumlab replay {self.file} --topology host.toml",
            "",
            to_toml(self.topology),
        ]
        return "\n".join(lines).rstrip()


def suggest(path: str | os.PathLike[str]) -> Suggestion:
    """Look at a capture without a topology. CaptureError if nothing of it can be read."""
    stations = Stations()
    result = check(path, watch=stations.see)
    if result.faults and not result.packets:
        raise result.faults[0]
    return suggest_from(os.fspath(path), result, stations.finish())


def suggest_from(file: str, result: CheckResult, near: Neighbourhood) -> Suggestion:
    """The same from what check found and who is there."""
    start = start_from(near)
    local = tuple(_named(near.own.get(station, ()), station) for station in near.unfinished)
    return Suggestion(file, result, local, start.topology, tuple(_untold(near, start)))


def _untold(near: Neighbourhood, start: Start) -> list[str]:
    """What the suggestion leaves open, in sentences."""
    found = []
    for station, name in start.names.items():
        own, behind = near.own.get(station, ()), near.behind.get(station, ())
        if behind:
            kept = f"those from which it sends itself ({_listed(own)}) are given to {name}" if own else f"{name} is given none"
            found.append(
                f"{station} is a router: it also sends or takes packets of {_listed(behind)}. Which addresses are its own a capture "
                f"cannot tell; {kept}, and the others put behind a second device of it."
            )
    for station, behind in near.behind.items():
        if station not in start.names:
            found.append(f"{station} sends or takes packets of {_listed(behind)}: a router on the far side, and those are not its own.")
    if near.local and not near.unfinished:
        found.append(f"That {' and '.join(start.names.values())} is the near side is a guess: one end of every packet is there.")
    for station in sorted(near.headless & start.names.keys()):
        name = start.names[station]
        found.append(f"{station} leaves the sums of IPv4 headers blank, as only Windows does: {name} has the preset windows.")
    around = [layer.name for layer in near.layers if layer in _NEEDING_DEVICES]
    if around:
        found.append(f"Packets are in {', '.join(around)}: the lines below have no device for that; add one if it begins or ends here.")
    if near.capped or start.left:
        found.append("There are more hosts than were looked at: some are not in the lines below.")
    return found


def _named(addresses: Sequence[str], station: str) -> str:
    return f"{_listed(addresses)} ({station})" if addresses and station not in addresses else station


def _listed(addresses: Sequence[str]) -> str:
    more = len(addresses) - NAMED
    return ", ".join(addresses[:NAMED]) + (f" and {more} more" if more > 0 else "")
