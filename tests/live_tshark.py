"""What the installed tshark says of every checksum of a capture, with all of its validation on: by default it looks at few of them."""

from __future__ import annotations

import shutil
import subprocess
import xml.etree.ElementTree as tree
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from csumlab.headers import Kind

HERE = shutil.which("tshark") is not None
MISSING = "tshark is not installed: apt-get install tshark"
SETTINGS = {
    "ip.check_checksum": "TRUE",
    "tcp.check_checksum": "TRUE",
    "udp.check_checksum": "TRUE",
    "udplite.check_checksum": "TRUE",
    "udplite.ignore_checksum_coverage": "FALSE",
    "dccp.check_checksum": "TRUE",
    "sctp.checksum": "CRC 32c",
}
"""Every validation that can be turned on, of the protocols compared. The rest of them is always on."""
OTHER_SETTINGS = {
    "ip.defragment": "FALSE",
    "ipv6.defragment": "FALSE",
    "ip.tso_support": "TRUE",
    "ipv6.tso_support": "TRUE",
    "vxlan.udp.port": "4789,8472",
}
"""Packets one by one, lengths of segmentation offload as csumlab reads them, and Linux's first port of VXLAN."""
COLUMNS: dict[str, tuple[Kind, ...]] = {
    "ip": (Kind.IPV4,),
    "tcp": (Kind.TCP,),
    "udp": (Kind.UDP, Kind.UDPLITE),
    "icmp": (Kind.ICMP,),
    "icmpv6": (Kind.ICMPV6,),
    "gre": (Kind.GRE,),
    "dccp": (Kind.DCCP,),
    "sctp": (Kind.SCTP,),
    "igmp": (Kind.IGMP,),
    "pim": (Kind.PIM, Kind.PIM6),
    "vrrp": (Kind.VRRP, Kind.VRRP3),
    "eigrp": (Kind.EIGRP,),
    "ospf": (Kind.OSPFV2, Kind.OSPFV3),
    "rsvp": (Kind.RSVP,),
    "mobility": (Kind.MOBILITY,),
}
"""tshark's name of a protocol, and the kinds of checksum that its statuses are of, in the order in which the headers stand."""
STATUS_FIELDS = {
    **{column: f"{column}.checksum.status" for column in COLUMNS if column not in ("ospf", "rsvp", "mobility")},
    "pim": "pim.cksum.status",
    "mobility": "mip6.csum",
}
"""Fields with a status; of a mobility header tshark shows the field and never sums."""
TEXT_FIELDS = {"ospf.checksum": "ospf", "rsvp.message_checksum": "rsvp"}
"""Checksums that tshark verifies and gives no status for: only the text says correct or incorrect."""
LETTERS = {"0": "B", "1": "G", "2": "U", "3": "N", "4": "I"}
"""Bad, good, unverified, not present, illegal: the letters of the corpus labels."""


@dataclass(frozen=True, slots=True)
class Said:
    """tshark's protocol stack of one packet, and per column a letter for each occurrence, outermost first."""

    protocols: str
    letters: dict[str, Sequence[str]]


def version() -> str:
    """As in "4.0.17"."""
    first = subprocess.run(["tshark", "--version"], capture_output=True, text=True, timeout=60, check=True).stdout.split("\n", 1)[0]
    return next(word.rstrip(".") for word in first.split() if word[0].isdigit())


def default_settings() -> list[str]:
    """The names of all preferences."""
    done = subprocess.run(["tshark", "-G", "defaultprefs"], capture_output=True, text=True, timeout=60, check=True)
    return [line[1:].split(":")[0] for line in done.stdout.splitlines() if line.startswith("#") and line[1:2].islower() and ":" in line]


def read(path: Path, extra: Sequence[str] = ()) -> list[Said]:
    """What tshark says of each packet of a capture. ``extra``: further arguments."""
    rows = _run(path, extra, "fields", ["-E", "separator=;", "-E", "occurrence=a", "-e", "frame.protocols", *_fields()])
    said = []
    for line in rows.splitlines():
        protocols, *cells = line.split(";")
        letters: dict[str, Sequence[str]] = {}
        for column, cell in zip(STATUS_FIELDS, cells, strict=True):
            values = [value for value in cell.split(",") if value]
            letters[column] = ["U" for _ in values] if column == "mobility" else [LETTERS[value] for value in values]
        said.append(Said(protocols.replace(",", ":"), letters))
    if not any(name in one.protocols for one in said for name in TEXT_FIELDS.values()):
        return said
    for number, column, found in _texts(_run(path, extra, "pdml", ["-Y", "ospf or rsvp", "-J", "frame ospf rsvp"])):
        said[number - 1].letters[column] = found
    return said


def _fields() -> list[str]:
    return [word for name in STATUS_FIELDS.values() for word in ("-e", name)]


def _run(path: Path, extra: Sequence[str], form: str, what: Sequence[str]) -> str:
    settings = [word for name, value in (SETTINGS | OTHER_SETTINGS).items() for word in ("-o", f"{name}:{value}")]
    words = ["tshark", "-n", "-r", str(path), "-T", form, *settings, *extra, *what]
    return subprocess.run(words, capture_output=True, text=True, timeout=120, check=True).stdout


def _texts(document: str) -> Iterable[tuple[int, str, list[str]]]:
    for packet in tree.fromstring(document).iter("packet"):
        number, found = 0, {column: list[str]() for column in TEXT_FIELDS.values()}
        for field in packet.iter("field"):
            name, text = field.get("name", ""), field.get("showname", "")
            if name == "frame.number":
                number = int(field.get("show", "0"))
            elif name in TEXT_FIELDS and "[" in text:
                found[TEXT_FIELDS[name]].append("G" if "[correct" in text else "B")
        yield from ((number, column, letters) for column, letters in found.items() if letters)
