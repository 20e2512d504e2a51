"""The vocabulary of headers and checksums: enumerations and one table per kind. Data only; imports nothing of ours."""

from __future__ import annotations

from enum import IntEnum
from typing import Final, NamedTuple


class Link(IntEnum):
    """Link types that can be read, with the numbers of the pcap LINKTYPE registry."""

    NULL = 0
    ETHERNET = 1
    PPP = 9
    RAW_12 = 12
    RAW_14 = 14
    PPP_HDLC = 50
    PPP_ETHER = 51
    RAW = 101
    C_HDLC = 104
    IEEE80211 = 105
    FRAME_RELAY = 107
    LOOP = 108
    COOKED = 113
    PFLOG = 117
    PRISM = 119
    RADIOTAP = 127
    AVS = 163
    PPP_PPPD = 166
    PPI = 192
    PPP_WITH_DIRECTION = 204
    C_HDLC_WITH_DIRECTION = 205
    FRAME_RELAY_WITH_DIRECTION = 206
    IPV4 = 228
    IPV6 = 229
    NFLOG = 239
    NETANALYZER = 240
    IPOIB = 242
    PKTAP = 258
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
    CAPTURE = 16
    """What a capture program puts before the frame: radiotap, PPI, AVS, Prism, NFLOG, pflog, pktap, a direction."""
    IEEE80211 = 17
    LLC = 18
    PPP = 19
    PPPOE = 20
    MPLS = 21
    FRAME_RELAY = 22
    C_HDLC = 23
    IPOIB = 24
    MACSEC = 25
    NSH = 26
    GENEVE = 27
    GTPU = 28
    L2TP = 29
    TEREDO = 30
    ERSPAN = 31
    FOU = 32
    GUE = 33
    LISP = 34
    CAPWAP = 35
    ETHERIP = 36
    ESP = 37
    WIREGUARD = 38
    OPENVPN = 39
    UDPLITE = 40
    DCCP = 41
    SCTP = 42
    IGMP = 43
    OSPF = 44
    PIM = 45
    VRRP = 46
    EIGRP = 47
    RSVP = 48
    MOBILITY = 49
    QUOTE = 50
    """What follows is a copy of the start of another packet, in an ICMP error."""
    REMOTE = 51
    """The tunnel header before says that the sum inside is left to its receiver: remote checksum offload."""
    BATMAN = 52
    """batman-adv's header of a frame to one node of the mesh."""
    BATMAN_FLOOD = 53
    """That of a frame that nodes hand on and take themselves: broadcast, multicast."""


UNREADABLE: Final = frozenset({Layer.OPAQUE, Layer.ESP, Layer.WIREGUARD, Layer.OPENVPN})
"""Layers behind which nothing is read."""


class Kind(IntEnum):
    """Kinds of checksum."""

    NOTHING = 0
    IPV4 = 1
    TCP = 2
    UDP = 3
    ICMP = 4
    ICMPV6 = 5
    GRE = 6
    UDPLITE = 7
    DCCP = 8
    SCTP = 9
    IGMP = 10
    OSPFV2 = 11
    OSPFV3 = 12
    PIM = 13
    VRRP = 14
    EIGRP = 15
    RSVP = 16
    MOBILITY = 17
    VRRP3 = 18
    PIM6 = 19


class KindRule(NamedTuple):
    """What one kind of checksum is."""

    label: str
    layer: Layer
    field: int
    """Offset of the field from the start of the header that carries it."""
    pseudo: bool
    """Whether a pseudo-header is summed too."""
    zero_is_absent: bool
    """Whether 0x0000 says that there is no checksum (RFC 768)."""
    source: str
    crc: bool = False
    """Whether it is a CRC32c of 32 bits and no sum."""
    protocol: int = 0
    """IANA's number of the protocol on top of IP."""

    @property
    def writes_ones(self) -> bool:
        """Whether a computed 0x0000 is written as 0xffff, because 0x0000 is taken: it says none, or nothing may (RFC 3828 section 3.1)."""
        return self.zero_is_absent or self.layer is Layer.UDPLITE

    @property
    def computed_zero(self) -> int:
        """What is written where the computed field is 0."""
        return 0xFFFF if self.writes_ones else 0

    @property
    def sums_rest(self) -> bool:
        """Whether it is a 16-bit sum of all that follows its header, so that the sum of a whole packet can tell whether it is right. A CRC
        is none, and UDP-Lite may cover less."""
        return not self.crc and self.layer not in (Layer.UDPLITE, Layer.DCCP)

    @property
    def of_programs(self) -> bool:
        """Whether no kernel verifies it: whoever takes the packet by a raw socket has to, as the protocol's RFC says."""
        return self.layer in (Layer.OSPF, Layer.PIM, Layer.VRRP, Layer.EIGRP, Layer.RSVP, Layer.MOBILITY)

    @property
    def width(self) -> int:
        """Bytes of the field."""
        return 4 if self.crc else 2


KINDS: Final[dict[Kind, KindRule]] = {
    Kind.IPV4: KindRule("IPv4", Layer.IPV4, 10, False, False, "RFC 791 section 3.1"),
    Kind.TCP: KindRule("TCP", Layer.TCP, 16, True, False, "RFC 9293 section 3.1", protocol=6),
    Kind.UDP: KindRule("UDP", Layer.UDP, 6, True, True, "RFC 768; RFC 8200 section 8.1", protocol=17),
    Kind.ICMP: KindRule("ICMP", Layer.ICMP, 2, False, False, "RFC 792", protocol=1),
    Kind.ICMPV6: KindRule("ICMPv6", Layer.ICMPV6, 2, True, False, "RFC 4443 section 2.3", protocol=58),
    Kind.GRE: KindRule("GRE", Layer.GRE, 4, False, False, "RFC 2784 section 2.1", protocol=47),
    Kind.UDPLITE: KindRule("UDP-Lite", Layer.UDPLITE, 6, True, False, "RFC 3828 section 3.1", protocol=136),
    Kind.DCCP: KindRule("DCCP", Layer.DCCP, 6, True, False, "RFC 4340 section 9", protocol=33),
    Kind.SCTP: KindRule("SCTP", Layer.SCTP, 8, False, False, "RFC 9260 section 6.8 and appendix A", crc=True, protocol=132),
    Kind.IGMP: KindRule("IGMP", Layer.IGMP, 2, False, False, "RFC 9776 section 4.1.3", protocol=2),
    Kind.OSPFV2: KindRule("OSPFv2", Layer.OSPF, 12, False, False, "RFC 2328 appendix D.4", protocol=89),
    Kind.OSPFV3: KindRule("OSPFv3", Layer.OSPF, 12, True, False, "RFC 5340 appendix A.3.1", protocol=89),
    Kind.PIM: KindRule("PIM", Layer.PIM, 2, False, False, "RFC 7761 section 4.9", protocol=103),
    Kind.VRRP: KindRule("VRRP", Layer.VRRP, 6, False, False, "RFC 3768 section 5.3.8", protocol=112),
    Kind.EIGRP: KindRule("EIGRP", Layer.EIGRP, 2, False, False, "RFC 7868 section 6.4", protocol=88),
    Kind.RSVP: KindRule("RSVP", Layer.RSVP, 2, False, True, "RFC 2205 section 3.1.1", protocol=46),
    Kind.MOBILITY: KindRule("mobility header", Layer.MOBILITY, 4, True, False, "RFC 6275 section 6.1.1", protocol=135),
    Kind.VRRP3: KindRule("VRRPv3", Layer.VRRP, 6, True, False, "RFC 5798 and RFC 9568 section 5.2.8", protocol=112),
    Kind.PIM6: KindRule("PIM over IPv6", Layer.PIM, 2, True, False, "RFC 7761 section 4.9", protocol=103),
}


class Verdict(IntEnum):
    """What a checksum field holds."""

    NOTHING = 0
    GOOD = 1
    PARTIAL = 2
    """The sum of the pseudo-header only: left for a device to fill."""
    DEFERRED = 3
    """Wrong now, right once the partial sum inside it is filled: local checksum offload."""
    ABSENT = 4
    BAD = 5
    UNVERIFIED = 6
    BLANK = 7
    """Zero, where zero is neither right nor says that there is none: left for a device that computes all of it."""


UNFILLED: Final = frozenset({Verdict.PARTIAL, Verdict.DEFERRED, Verdict.BLANK})
"""Verdicts on sums that a device may still be going to fill."""


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
    QUOTE = 9
    """Of a packet that an ICMP error quotes only the start is there."""


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
    Reason.QUOTE: "an ICMP error quotes only the start of the packet",
}

MAX_LAYERS: Final = 24
MAX_SUMS: Final = 8
UDP_TUNNELS: Final[dict[int, Layer]] = {
    1194: Layer.OPENVPN,
    1701: Layer.L2TP,
    2152: Layer.GTPU,
    3544: Layer.TEREDO,
    4341: Layer.LISP,
    4342: Layer.LISP,
    4500: Layer.ESP,
    4789: Layer.VXLAN,
    4790: Layer.VXLAN,
    5247: Layer.CAPWAP,
    6080: Layer.GUE,
    6081: Layer.GENEVE,
    6635: Layer.MPLS,
    8472: Layer.VXLAN,
    51820: Layer.WIREGUARD,
}
"""UDP ports and the tunnel that each stands for (IANA registry; 8472: Linux drivers/net/vxlan; 51820: WireGuard's documentation).
Layer.FOU has none of its own."""
