"""tshark as another witness: on the shipped captures and on made packets of every protocol its statuses are csumlab's verdicts, but for
a table of differences with reasons. Needs tshark; CI has it. The corpus of real captures is compared in test_corpus."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple

import live_tshark
import protocol_frames as frames
import pytest
from protocol_frames import Piece, Plan, ethernet, ipv4, ipv6, tcp, udp

from csumlab.capture import PcapngWriter
from csumlab.dissection import dissect_packet
from csumlab.headers import KINDS, Verdict
from csumlab.report.packets import packet_rows

pytestmark = [pytest.mark.needs_program, pytest.mark.skipif(not live_tshark.HERE, reason=live_tshark.MISSING)]
SHIPPED = sorted((Path(__file__).parents[1] / "captures").glob("*/traffic.pcapng"))
LETTERS = {
    Verdict.GOOD: "G",
    Verdict.BAD: "B",
    Verdict.ABSENT: "N",
    Verdict.UNVERIFIED: "U",
    Verdict.PARTIAL: "B",
    Verdict.DEFERRED: "B",
    Verdict.BLANK: "B",
}
"""tshark has no word for a sum that a device is to fill."""
SETTINGS = ["-o", "capwap.swap_fc:FALSE", "-d", "mpls.label==414770,pwethcw"]
"""For the made packets: 802.11 inside CAPWAP in its own byte order, and what a label means, which no packet says."""
DATA = b"an odd payload, with some length to it!"


class Known(NamedTuple):
    """A difference: packets by pattern of their names or their capture's, tshark's column, our letter and tshark's.

    ``?`` stands for any letter, ``-`` for a checksum that tshark does not show."""

    packets: str
    column: str
    ours: str
    theirs: str
    reason: str


NO_LINK = "tshark 4.0 has no dissector for the link type"
TUNNEL_ZERO = "tunnels may leave the sum out over IPv6 (RFC 6935), and tshark calls that illegal"
NONE_OVER_6 = "a zero field over IPv6 says none, which is reported elsewhere; tshark's word is illegal"
KNOWN = (
    Known("udp no checksum over ipv6*", "udp", "N", "I", NONE_OVER_6),
    Known("vxlan no checksum * in ipv6*", "udp", "N", "I", TUNNEL_ZERO),
    Known("geneve ip no checksum * in ipv6*", "udp", "N", "I", TUNNEL_ZERO),
    Known("vrrp 3 no pseudo-header*", "vrrp", "G", "B", "tshark has one reading of RFC 5798 at a time, by preference; senders have two"),
    Known("ospf ? local block*", "ospf", "G", "B", "tshark sums on into the LLS block, which RFC 5613 section 2.2 leaves out"),
    Known("*mobility*", "mobility", "?", "U", "tshark does not sum mobility headers"),
    Known("batman multicast*", "*", "?", "-", "tshark 4.0 does not open batman-adv's multicast packets"),
    Known("gue*", "*", "?", "-", "tshark 4.0 does not open GUE"),
    Known("ppp pppd*", "*", "?", "-", NO_LINK),
    Known("cisco hdlc with direction*", "*", "?", "-", NO_LINK),
    Known("frame relay with direction*", "*", "?", "-", NO_LINK),
    Known("nflog big-endian*", "*", "?", "-", "tshark takes the byte order of the file, which need not be that of the capturing host"),
    Known("ipoib bare*", "*", "?", "-", "tshark always expects a global route header"),
    Known("quoted, eight bytes", "tcp", "U", "-", "the quote ends before the field: tshark does not name it"),
    Known("quoted, cut", "tcp", "U", "-", "the quote ends before the field: tshark does not name it"),
    Known("quoted, of an error", "icmp", "?", "U", "tshark does not sum an ICMP message that another one quotes"),
    Known("vxlan-ipv6-zero*", "udp", "N", "I", TUNNEL_ZERO),
    Known("clat-zero*", "udp", "N", "I", NONE_OVER_6),
    Known("card-drops-zero6", "udp", "N", "I", TUNNEL_ZERO),
    Known("l2tp-*", "*", "?", "-", "tshark opens a session of L2TP version 3 only where it saw it set up"),
    Known("cilium-quote*", "tcp", "U", "-", "as above: a quote that ends before the field"),
    Known("cilium-quote*", "icmp", "G", "U", "as above: an ICMP message that another one quotes"),
    Known("nat64-*", "tcp", "U", "-", "as above: a quote that ends before the field"),
    Known("nat64-*", "icmp", "G", "U", "as above: an ICMP message that another one quotes"),
    Known("nat64-errors", "icmp", "B", "U", "as above: an ICMP message that another one quotes"),
    Known("clat-zero*", "udp", "N", "I", "as above: no checksum over IPv6"),
    Known("card-drops-zero6", "udp", "N", "I", "as above: no checksum over IPv6"),
    Known("tricky", "udp", "N", "I", "as above: no checksum over IPv6"),
    Known(
        "tricky",
        "udp",
        "B",
        "U",
        "a partial sum in the first fragment: the pseudo-header is there, and tshark looks at whole datagrams only",
    ),
    Known(
        "tricky", "tcp", "G", "B", "0xffff for 0x0000: every receiver takes it (RFC 1071); csumlab says good, and tshark bad by RFC 1624"
    ),
    Known("tricky", "tcp", "U", "B", "the IP length exceeds a record that claims to be whole: tshark sums what is there"),
    Known("tricky", "tcp", "U", "-", "as above: a quote"),
    Known("tricky", "vrrp", "G", "B", "as above: no pseudo-header"),
    Known("tricky", "ip", "G", "-", "as above: GUE"),
    Known("tricky", "tcp", "B", "-", "as above: GUE"),
)


Difference = tuple[str, str, str, str]
"""Packet or capture, column, our letter and tshark's."""


def differing(name: str, ours: dict[str, list[str]], said: live_tshark.Said) -> Iterator[Difference]:
    """The checksums of one packet of which the two do not say the same."""
    for column, left in ours.items():
        right = list(said.letters.get(column, ()))
        size = max(len(left), len(right))
        pairs = zip(left + ["-"] * (size - len(left)), right + ["-"] * (size - len(right)), strict=True)
        yield from ((name, column, mine, other) for mine, other in pairs if mine != other)


def reasons(difference: Difference) -> list[Known]:
    name, column, ours, theirs = difference
    return [
        one
        for one in KNOWN
        if fnmatch(name, one.packets) and one.column in ("*", column) and one.ours in ("?", ours) and one.theirs == theirs and ours != "-"
    ]


@functools.cache
def shipped(path: Path) -> tuple[Difference, ...]:
    """How tshark and the packet report differ on one of the shipped captures."""
    said = live_tshark.read(path)
    found: list[dict[str, list[str]]] = [{column: [] for column in live_tshark.COLUMNS} for _ in said]
    columns = {KINDS[kind].label: column for column, kinds in live_tshark.COLUMNS.items() for kind in kinds}
    for row in packet_rows(str(path)):
        column, verdict = columns[row.kind], Verdict[row.verdict.upper()]
        sums = found[row.packet - 1][column]
        # A newer tshark calls a partial sum good.
        newer = verdict is Verdict.PARTIAL and list(said[row.packet - 1].letters.get(column, ()))[len(sums) :][:1] == ["G"]
        sums.append("G" if newer else LETTERS[verdict])
    return tuple(one for ours, theirs in zip(found, said, strict=True) for one in differing(path.parent.name, ours, theirs))


@pytest.mark.long
@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.parent.name)
def test_shipped_captures(path: Path) -> None:
    """Every checksum of the shipped captures, as the packet report has it."""
    assert [one for one in shipped(path) if not reasons(one)] == []


def test_no_validation_is_left_off() -> None:
    """Every preference of tshark's that turns on the checksum of a protocol compared here is set."""
    names = {
        name for name in live_tshark.default_settings() if "checksum" in name and name.split(".")[0] in {*live_tshark.COLUMNS, "udplite"}
    }
    # These two choose between readings, and neither turns anything on.
    assert names - {"vrrp.v3_checksum_as_in_v2", "udp.ignore_ipv6_zero_checksum"} == set(live_tshark.SETTINGS)


def made() -> dict[str, tuple[int, Piece]]:
    """Link type and packet: each kind, tunnel, shim and link type, opaque ones, quotes and partial sums."""
    carried = {"tcp over ipv4": ipv4(tcp(DATA)), "udp over ipv6": ipv6(udp(DATA))}
    kinds = frames.every_kind(DATA)
    found = {name: (101, piece) for name, piece in kinds.items()}
    found |= {f"{name} in vxlan": (1, ethernet(ipv4(frames.vxlan(piece)))) for name, piece in kinds.items()}
    for what, inner in carried.items():
        for name, wrap in frames.TUNNELS.items():
            found |= {f"{name} with {what} in {outer.__name__}": (1, ethernet(outer(wrap(inner)))) for outer in (ipv4, ipv6)}
        found |= {f"{name} with {what}": (1, wrap(inner)) for name, wrap in frames.SHIMS.items()}
        found |= {f"{name} with {what}": (linktype, wrap(inner)) for name, (linktype, wrap) in frames.LINKS.items()}
    found |= {f"opaque {name}": (1, piece) for name, piece in frames.every_opaque().items()}
    found |= {f"handshake {name}": (1, piece) for name, piece in frames.every_handshake().items()}
    error, segment = frames.icmp_error, ipv4(tcp(DATA)).data
    found |= {
        "llc": (1, frames.ethernet_llc(carried["tcp over ipv4"])),
        "raw ipv4": (228, carried["tcp over ipv4"]),
        "raw ipv6": (229, carried["udp over ipv6"]),
        "blank": (1, ethernet(ipv4(udp(DATA), blank=True))),
        "partial": (1, ethernet(ipv4(tcp(DATA, verdict=Verdict.PARTIAL)))),
        "remote checksum offload": (1, ethernet(ipv4(frames.vxlan_remote(ipv4(udp(DATA, verdict=Verdict.PARTIAL)), 34)))),
        "quoted": (1, ethernet(ipv4(error(ipv4(udp(DATA)).data)))),
        "quoted, eight bytes": (1, ethernet(ipv4(error(segment[:28])))),
        "quoted, of an error": (1, ethernet(ipv4(error(ipv4(error(segment)).data)))),
        "quoted, cut": (1, ethernet(ipv6(frames.icmpv6_error(ipv6(tcp(DATA)).data[:51])))),
    }
    # Once tshark has seen L2TP from a port, it takes all that this port sends for L2TP.
    return dict(sorted(found.items(), key=lambda item: "l2tp" in item[0]))


def variants(piece: Piece) -> Iterator[bytes]:
    """As built; with one bit of each field flipped; with one flipped in the last, and in the first, plain byte that any sum covers."""
    good: list[Plan] = [plan for plan in piece.plans if plan.verdict is Verdict.GOOD]
    plain = [at for start, end in piece.plain for at in range(start, end) if any(plan.touches(at) for plan in piece.plans)]
    yield piece.data
    for at in [plan.at for plan in good] + ([max(plain), min(plain)] if plain else []):
        yield frames.stored(piece.data, at, bytes([piece.data[at] ^ 4]))


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> tuple[int, list[Difference]]:
    """How many checksums of made packets were compared, and those of which the two do not say the same."""
    path, interfaces, ours = tmp_path_factory.mktemp("made") / "made.pcapng", dict[int, int](), list[tuple[str, dict[str, list[str]]]]()
    with PcapngWriter(path) as file:
        for name, (linktype, piece) in made().items():
            for data in variants(piece):
                if linktype not in interfaces:
                    interfaces[linktype] = file.add_interface(linktype)
                file.write(data, interface=interfaces[linktype])
                sums = dissect_packet(data, linktype).sums
                columns = live_tshark.COLUMNS.items()
                ours.append((name, {column: [LETTERS[one.verdict] for one in sums if one.kind in kinds] for column, kinds in columns}))
    said = live_tshark.read(path, SETTINGS)
    found = [one for (name, left), right in zip(ours, said, strict=True) for one in differing(name, left, right)]
    return sum(len(letters) for _, left in ours for letters in left.values()), found


def test_made_packets(compared: tuple[int, list[Difference]]) -> None:
    """Every protocol, tunnel and link type, right and with one bit flipped: no status differs without an entry in the table."""
    number, found = compared
    assert [one for one in found if not reasons(one)] == []
    assert number > 5000


@pytest.mark.long
def test_every_known_difference_is_needed(compared: tuple[int, list[Difference]]) -> None:
    """An entry that no longer has a case must go."""
    if not live_tshark.version().startswith("4.0."):
        pytest.skip("the table was made with tshark 4.0; another version may have fewer differences")
    found = [*compared[1], *(one for path in SHIPPED for one in shipped(path))]
    assert {reason for one in found for reason in reasons(one)} == set(KNOWN)
