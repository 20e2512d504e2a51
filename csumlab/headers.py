"""The vocabulary of headers and checksums: enumerations and one table per kind. Data only; imports nothing of ours."""

from __future__ import annotations

from enum import IntEnum
from typing import Final, NamedTuple


class Link(IntEnum):
    """Link types that can be read, with the numbers of the pcap LINKTYPE registry."""

    NULL = 0
    ETHERNET = 1
    RAW_12 = 12
    RAW_14 = 14
    RAW = 101
    LOOP = 108
    COOKED = 113
    IPV4 = 228
    IPV6 = 229
    COOKED2 = 276


class Layer(IntEnum):
    """One element of a packet's header stack, outermost first."""

    NOTHING = 0
    ETHERNET = 1
    VLAN = 2
    COOKED = 3
    COOKED2 = 4
    LOOPBACK = 5
    IPV4 = 6
    IPV6 = 7
    EXTENSION = 8
    TCP = 9
    UDP = 10
    ICMP = 11
    ICMPV6 = 12
    GRE = 13
    VXLAN = 14
    OPAQUE = 15


class Kind(IntEnum):
    """Kinds of checksum."""

    NOTHING = 0
    IPV4 = 1
    TCP = 2
    UDP = 3
    ICMP = 4
    ICMPV6 = 5
    GRE = 6


class KindRule(NamedTuple):
    """What one kind of checksum is."""

    label: str
    layer: Layer
    field: int
    """Offset of the 16-bit field from the start of the header that carries it."""
    pseudo: bool
    """Whether a pseudo-header is summed too."""
    zero_is_absent: bool
    """Whether 0x0000 says that there is no checksum (RFC 768)."""
    source: str


KINDS: Final[dict[Kind, KindRule]] = {
    Kind.IPV4: KindRule("IPv4", Layer.IPV4, 10, False, False, "RFC 791 section 3.1"),
    Kind.TCP: KindRule("TCP", Layer.TCP, 16, True, False, "RFC 9293 section 3.1"),
    Kind.UDP: KindRule("UDP", Layer.UDP, 6, True, True, "RFC 768; RFC 8200 section 8.1"),
    Kind.ICMP: KindRule("ICMP", Layer.ICMP, 2, False, False, "RFC 792"),
    Kind.ICMPV6: KindRule("ICMPv6", Layer.ICMPV6, 2, True, False, "RFC 4443 section 2.3"),
    Kind.GRE: KindRule("GRE", Layer.GRE, 4, False, False, "RFC 2784 section 2.1"),
}


class Verdict(IntEnum):
    """What a checksum field holds."""

    NOTHING = 0
    GOOD = 1
    PARTIAL = 2
    """The sum of the pseudo-header only (or 0x0000 where there is none): left for a device to fill."""
    DEFERRED = 3
    """Wrong now, right once the partial sum inside it is filled: local checksum offload."""
    ABSENT = 4
    BAD = 5
    UNVERIFIED = 6


class Reason(IntEnum):
    """Why a residue is not known."""

    KNOWN = 0
    CUT = 1
    """The capture's snap length cut the packet."""
    TRUNCATED = 2
    """The record claims to be whole, yet the IP length exceeds it."""
    FRAGMENT = 3
    """Only a part of the datagram is here."""
    LENGTH = 4
    """A length field of the headers contradicts the packet."""
    OPAQUE = 5
    """Encrypted or otherwise not readable."""
    LINK_TYPE = 6
    DEPTH = 7
    """More headers or checksums than are looked at."""
    HEADER = 8
    """A header is malformed or ends early."""


REASONS: Final[dict[Reason, str]] = {
    Reason.KNOWN: "known",
    Reason.CUT: "cut off by the capture's snap length",
    Reason.TRUNCATED: "the IP length exceeds what was captured, though the record claims to be whole",
    Reason.FRAGMENT: "only a fragment of the datagram is here",
    Reason.LENGTH: "a length field contradicts the packet",
    Reason.OPAQUE: "encrypted or not readable",
    Reason.LINK_TYPE: "link type not read",
    Reason.DEPTH: "nested deeper than is looked at",
    Reason.HEADER: "a header is malformed or ends early",
}

MAX_LAYERS: Final = 24
MAX_SUMS: Final = 8
VXLAN_PORTS: Final = (4789, 8472)
