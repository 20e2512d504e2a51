"""What a capture alone says about the host it was taken on, and a topology to start from: the answer of ``replay`` without one."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Any

from csumlab.checking import CheckResult, check
from csumlab.headers import Verdict
from csumlab.topology.model import Device, DeviceKind, Domain, Port, Topology
from csumlab.topology.written import to_toml

XEN_MAC = "00:16:3e"
"""The vendor prefix of Xen guests (IEEE OUI registry, XenSource)."""
_SENDER = re.compile(r"(?P<address>[0-9a-fA-F:.]+)(?: \((?P<mac>[0-9a-f:]{17})\))?")


@dataclass(frozen=True)
class Suggestion:
    """``checked`` is what check says; ``local`` are the senders of partial sums, so on this side of a filling card; ``topology`` a
    start."""

    file: str
    checked: CheckResult
    local: tuple[str, ...]
    topology: Topology

    @property
    def status(self) -> int:
        return self.checked.status

    def to_dict(self) -> dict[str, Any]:
        """Stable JSON."""
        return {
            "format": 1,
            "check": self.checked.to_dict(),
            "local_senders": list(self.local),
            "needed": ["topology", "at"],
            "topology": to_toml(self.topology),
        }

    def __str__(self) -> str:
        lines = [self.checked.headline, ""]
        if self.local:
            lines.append("Senders of partial sums, so behind the same card as the capture point: " + ", ".join(self.local) + ".")
        else:
            lines.append("Nobody sends partial sums here, so the capture does not say which side is local.")
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
    result = check(path)
    if result.faults and not result.packets:
        raise result.faults[0]
    return suggest_from(os.fspath(path), result)


def suggest_from(file: str, result: CheckResult) -> Suggestion:
    """The same from what check found."""
    senders = [name for group in result.groups if group.verdict is Verdict.PARTIAL for name in group.senders]
    local = tuple(dict.fromkeys(senders))
    return Suggestion(file, result, local, _start(local))


def _start(local: tuple[str, ...]) -> Topology:
    """A guest behind a bridge if the sender has a Xen guest's address, else a host with one card."""
    match = _SENDER.match(local[0]) if local else None
    address = match["address"] if match else "192.0.2.10"
    mac = match["mac"] if match and match["mac"] else ""
    number = int(mac.replace(":", ""), 16) if mac else None
    addresses = (address + ("/64" if ":" in address else "/24"),)
    card = Device("eth0", DeviceKind.NIC, wire="lan")
    outside = Domain("outside", devices={"eth0": card}, outside=True)
    if mac.startswith(XEN_MAC):
        guest = Device("eth0", DeviceKind.NETFRONT, number, addresses, peer=Port("dom0", "vif1.0"))
        dom0 = {
            "vif1.0": Device("vif1.0", DeviceKind.VIF, bridge="xenbr0", peer=Port("domU", "eth0")),
            "xenbr0": Device("xenbr0", DeviceKind.BRIDGE),
            "eth0": Device("eth0", DeviceKind.NIC, wire="lan", bridge="xenbr0"),
        }
        return Topology(
            {"domU": Domain("domU", devices={"eth0": guest}), "dom0": Domain("dom0", devices=dom0), "outside": outside}, "dom0:vif1.0"
        )
    host = Device("eth0", DeviceKind.NIC, number, addresses, wire="lan")
    return Topology({"host": Domain("host", devices={"eth0": host}), "outside": outside}, "host:eth0")
