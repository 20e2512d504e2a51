"""What the packets of one class have in common: the frozen facts that a walk may read, and nothing else.

Two packets are in one class exactly when their :class:`Facts` are equal; the kernels hash the same facts.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from csumlab.headers import KINDS, Kind, Layer, Reason, Verdict


class Quality(IntEnum):
    """What is known of a residue for every packet of a class."""

    UNKNOWN = 0
    ZERO = 1
    NONZERO = 2


class FieldValue(IntEnum):
    """What is known of the raw 16-bit field; 0x0000 and 0xffff are told apart here and only here."""

    UNKNOWN = 0
    ZEROS = 1
    ONES = 2
    OTHER = 3


class FragmentRole(IntEnum):
    WHOLE = 0
    FIRST = 1
    LATER = 2


@dataclass(frozen=True, slots=True)
class SumFacts:
    """One checksum of a class. ``header`` indexes ``Facts.layers``. ``covers_odd`` says that the field of this checksum lies at an
    odd displacement in the nearest enclosing coverage. The qualities are of r, g and the settled residue r*."""

    kind: Kind
    header: int
    residue: Quality
    seed: Quality
    settled: Quality
    field: FieldValue
    why_residue: Reason
    why_seed: Reason
    covers_odd: bool
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class AddressFacts:
    """Of one IPv4 or IPv6 header: which interval of the topology's address table source and destination lie in (0 without a topology),
    fragment role, protocol number of what follows the extension headers, and the interval of the ports of a TCP or UDP header
    directly inside (0 if there is none)."""

    header: int
    source: int
    destination: int
    fragment: FragmentRole
    protocol: int
    source_port: int
    destination_port: int
    ttl_expires: bool
    """TTL or hop limit is 0 or 1: a router will not pass the packet on."""
    extensions: bool
    """IPv4 options or IPv6 extension headers are present."""
    length: int
    """How many of the topology's MTUs the packet is longer than; 0 where all devices have the same one."""
    dont_fragment: bool
    """IPv4 DF is set, which matters where MTUs differ: routers will not cut the packet into fragments. Elsewhere it is not a fact."""
    piece: int = 0
    """Bytes of the longest fragment where all of the datagram were captured and they are walked as one (gathered.py), else 0."""


@dataclass(frozen=True, slots=True)
class Facts:
    """One class. ``source_mac`` and ``destination_mac`` index the topology's table of hardware addresses: 0 unknown, 1 group address
    (multicast or broadcast), from 2 on the table's entries. ``packet_type`` is the cooked header's type (0 to us, 4 sent by us) or -1.
    ``flags`` are the epb_flags bits that matter (direction and bits 9 to 11), 0 if none were recorded; ``has_flags`` tells which.
    ``trailer`` says that bytes follow the end of the outermost IP packet and that their sum is not zero. ``long`` says that the
    outermost IP packet is longer than the longest MTU of the topology (1500 without one): a super-frame of GSO or GRO.
    ``octets`` are the bytes of the outermost IP packet, by its own length, and ``padding`` those that follow it in the frame: both 0 for a
    packet of 256 bytes or more, or where no card of the topology heeds lengths.
    ``pages`` is how many pages of 4096 bytes the frame needs at least, with an Ethernet header; 0 where nobody asks.
    ``stop`` says why dissection ended before the payload, KNOWN if it did not."""

    linktype: int
    interface: int
    has_flags: bool
    flags: int
    packet_type: int
    source_mac: int
    destination_mac: int
    layers: tuple[Layer, ...]
    sums: tuple[SumFacts, ...]
    addresses: tuple[AddressFacts, ...]
    trailer: bool
    long: bool
    pages: int
    octets: int
    padding: int
    stop: Reason


def verdict_of(kind: Kind, residue: Quality, seed: Quality, settled: Quality, field: FieldValue) -> Verdict:
    """What a checksum field holds, from the qualities of r, g, r* and the raw field. The one place where this is decided.

    A zero UDP field is no checksum whatever the sum (RFC 768); over IPv6 too it says "none", which only tunnels may (RFC 6935), so
    it is ABSENT there and reported. r before g: r = g = 0 happens to one good packet in 65535 and is good. Without a pseudo-header
    g = 0 says no more than a field of zeros does, and that is BLANK.
    """
    if kind and KINDS[kind].zero_is_absent and field is FieldValue.ZEROS:
        return Verdict.ABSENT
    if residue is Quality.ZERO:
        return Verdict.GOOD
    if seed is Quality.ZERO and (kind is Kind.NOTHING or KINDS[kind].pseudo):
        return Verdict.PARTIAL
    if field is FieldValue.ZEROS:
        return Verdict.BLANK
    if residue is Quality.UNKNOWN:
        return Verdict.UNVERIFIED
    if settled is Quality.ZERO and seed is not Quality.ZERO:
        return Verdict.DEFERRED
    return Verdict.BAD
