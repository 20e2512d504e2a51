"""tshark as another witness: its verdicts on the shipped captures and on made frames are csumlab's. Needs tshark; CI has it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import frames
import pytest

from csumlab.capture import PcapngWriter
from csumlab.dissection import dissect_packet
from csumlab.facts import FragmentRole
from csumlab.headers import Layer
from csumlab.report.packets import packet_rows

pytestmark = [
    pytest.mark.needs_program,
    pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed: apt-get install tshark"),
]
CAPTURES = Path(__file__).parents[1] / "captures"
FIELDS = {"IPv4": "ip", "TCP": "tcp", "UDP": "udp", "ICMP": "icmp", "ICMPv6": "icmpv6", "GRE": "gre"}
WORDS = {"1": "good", "0": "bad", "2": "unverified", "3": "absent"}
"""tshark's *.checksum.status, as Wireshark 4 numbers them."""


def tshark(path: Path) -> list[dict[str, list[str]]]:
    """For each packet the verdicts by kind, outermost first."""
    names = [f"{name}.checksum.status" for name in FIELDS.values()]
    words = [
        "tshark",
        "-n",
        "-r",
        str(path),
        "-T",
        "fields",
        "-E",
        "separator=;",
        "-E",
        "occurrence=a",
        "-o",
        "vxlan.udp.port:4789,8472",
        "-o",
        "ip.defragment:FALSE",
    ]
    for option in ("ip.check_checksum", "tcp.check_checksum", "udp.check_checksum"):
        words += ["-o", f"{option}:TRUE"]
    for name in names:
        words += ["-e", name]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=True)
    rows = []
    for line in done.stdout.splitlines():
        cells = line.split(";")
        rows.append({kind: [WORDS[value] for value in cell.split(",") if value] for kind, cell in zip(FIELDS, cells, strict=True)})
    return rows


def ours(path: Path, packets: int) -> list[dict[str, list[str]]]:
    rows: list[dict[str, list[str]]] = [{kind: [] for kind in FIELDS} for _ in range(packets)]
    for row in packet_rows(str(path)):
        rows[row.packet - 1][row.kind].append(row.verdict)
    return rows


def compare(path: Path) -> None:
    """Equal, but that a partial sum is "good" to a newer tshark and "bad" to an older one, and a deferred one is "bad" to both."""
    theirs = tshark(path)
    for number, (left, right) in enumerate(zip(ours(path, len(theirs)), theirs, strict=True), 1):
        for kind, verdicts in left.items():
            seen = right[kind]
            assert len(seen) == len(verdicts), f"{path.name}: packet {number}: {kind}: {verdicts} / {seen}"
            for mine, other in zip(verdicts, seen, strict=True):
                fine = {"partial": ("good", "bad"), "deferred": ("bad",)}.get(mine, (mine,))
                assert other in fine, f"{path.name}: packet {number}: {kind} {mine} / {other}"


@pytest.mark.parametrize("folder", sorted(CAPTURES.glob("*/traffic.pcapng")), ids=lambda file: file.parent.name)
def test_shipped_captures(folder: Path) -> None:
    """Every checksum of the shipped captures."""
    compare(folder)


def known_to_tshark() -> list[bytes]:
    """The example frames but those with two UDP sums inside each other, which tshark's field list does not keep apart by layer, and
    fragments, of which tshark verifies nothing even where a whole UDP datagram is in the first."""
    found = []
    for packet in frames.examples():
        facts = dissect_packet(packet, 1).facts
        if facts.layers.count(Layer.VXLAN) < 2 and all(one.fragment is FragmentRole.WHOLE for one in facts.addresses):
            found.append(packet)
    return found


def test_made_frames(tmp_path: Path) -> None:
    """Every kind and nesting of the test frames, right and damaged."""
    path = tmp_path / "made.pcapng"
    with PcapngWriter(path) as file:
        interface = file.add_interface(1)
        for packet in known_to_tshark():
            for data in (packet, packet[:-1] + bytes([packet[-1] ^ 1])):
                file.write(data, interface=interface)
    compare(path)
