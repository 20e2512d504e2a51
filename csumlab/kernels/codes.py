"""The enumerations of headers.py and facts.py as plain integers, which numba folds into the code, and what the dissector expects next."""

from __future__ import annotations

from typing import Final

from csumlab.facts import FieldValue, FragmentRole, Quality
from csumlab.headers import Kind, Layer, Link, Reason, Verdict

ETHERNET: Final = int(Layer.ETHERNET)
VLAN: Final = int(Layer.VLAN)
COOKED: Final = int(Layer.COOKED)
COOKED2: Final = int(Layer.COOKED2)
LOOPBACK: Final = int(Layer.LOOPBACK)
IPV4: Final = int(Layer.IPV4)
IPV6: Final = int(Layer.IPV6)
EXTENSION: Final = int(Layer.EXTENSION)
TCP: Final = int(Layer.TCP)
UDP: Final = int(Layer.UDP)
ICMP: Final = int(Layer.ICMP)
ICMPV6: Final = int(Layer.ICMPV6)
GRE: Final = int(Layer.GRE)
VXLAN: Final = int(Layer.VXLAN)
OPAQUE: Final = int(Layer.OPAQUE)
CAPTURE: Final = int(Layer.CAPTURE)
IEEE80211: Final = int(Layer.IEEE80211)
LLC: Final = int(Layer.LLC)
PPP: Final = int(Layer.PPP)
PPPOE: Final = int(Layer.PPPOE)
MPLS: Final = int(Layer.MPLS)
FRAME_RELAY: Final = int(Layer.FRAME_RELAY)
C_HDLC: Final = int(Layer.C_HDLC)
IPOIB: Final = int(Layer.IPOIB)
MACSEC: Final = int(Layer.MACSEC)
NSH: Final = int(Layer.NSH)
GENEVE: Final = int(Layer.GENEVE)
GTPU: Final = int(Layer.GTPU)
L2TP: Final = int(Layer.L2TP)
TEREDO: Final = int(Layer.TEREDO)
ERSPAN: Final = int(Layer.ERSPAN)
FOU: Final = int(Layer.FOU)
GUE: Final = int(Layer.GUE)
LISP: Final = int(Layer.LISP)
CAPWAP: Final = int(Layer.CAPWAP)
ETHERIP: Final = int(Layer.ETHERIP)
ESP: Final = int(Layer.ESP)
WIREGUARD: Final = int(Layer.WIREGUARD)
OPENVPN: Final = int(Layer.OPENVPN)
UDPLITE: Final = int(Layer.UDPLITE)
DCCP: Final = int(Layer.DCCP)
SCTP: Final = int(Layer.SCTP)
IGMP: Final = int(Layer.IGMP)
OSPF: Final = int(Layer.OSPF)
PIM: Final = int(Layer.PIM)
VRRP: Final = int(Layer.VRRP)
EIGRP: Final = int(Layer.EIGRP)
RSVP: Final = int(Layer.RSVP)
MOBILITY: Final = int(Layer.MOBILITY)
QUOTE: Final = int(Layer.QUOTE)
REMOTE: Final = int(Layer.REMOTE)
BATMAN: Final = int(Layer.BATMAN)
BATMAN_FLOOD: Final = int(Layer.BATMAN_FLOOD)

KIND_IPV4: Final = int(Kind.IPV4)
KIND_TCP: Final = int(Kind.TCP)
KIND_UDP: Final = int(Kind.UDP)
KIND_ICMP: Final = int(Kind.ICMP)
KIND_ICMPV6: Final = int(Kind.ICMPV6)
KIND_GRE: Final = int(Kind.GRE)
KIND_UDPLITE: Final = int(Kind.UDPLITE)
KIND_DCCP: Final = int(Kind.DCCP)
KIND_SCTP: Final = int(Kind.SCTP)
KIND_IGMP: Final = int(Kind.IGMP)
KIND_OSPFV2: Final = int(Kind.OSPFV2)
KIND_OSPFV3: Final = int(Kind.OSPFV3)
KIND_PIM: Final = int(Kind.PIM)
KIND_VRRP: Final = int(Kind.VRRP)
KIND_VRRP3: Final = int(Kind.VRRP3)
KIND_PIM6: Final = int(Kind.PIM6)
KIND_EIGRP: Final = int(Kind.EIGRP)
KIND_RSVP: Final = int(Kind.RSVP)
KIND_MOBILITY: Final = int(Kind.MOBILITY)

KNOWN: Final = int(Reason.KNOWN)
WHY_CUT: Final = int(Reason.CUT)
WHY_TRUNCATED: Final = int(Reason.TRUNCATED)
WHY_FRAGMENT: Final = int(Reason.FRAGMENT)
WHY_LENGTH: Final = int(Reason.LENGTH)
WHY_OPAQUE: Final = int(Reason.OPAQUE)
WHY_LINK_TYPE: Final = int(Reason.LINK_TYPE)
WHY_DEPTH: Final = int(Reason.DEPTH)
WHY_HEADER: Final = int(Reason.HEADER)
WHY_QUOTE: Final = int(Reason.QUOTE)

UNKNOWN: Final = int(Quality.UNKNOWN)
ZERO: Final = int(Quality.ZERO)
NONZERO: Final = int(Quality.NONZERO)
N_QUALITIES: Final = len(Quality)
FIELD_UNKNOWN: Final = int(FieldValue.UNKNOWN)
FIELD_ZEROS: Final = int(FieldValue.ZEROS)
FIELD_ONES: Final = int(FieldValue.ONES)
FIELD_OTHER: Final = int(FieldValue.OTHER)
N_FIELDS: Final = len(FieldValue)
N_VERDICTS: Final = len(Verdict)

WHOLE: Final = int(FragmentRole.WHOLE)
FIRST: Final = int(FragmentRole.FIRST)
LATER: Final = int(FragmentRole.LATER)

LINK_NULL: Final = int(Link.NULL)
LINK_ETHERNET: Final = int(Link.ETHERNET)
LINK_PPP: Final = int(Link.PPP)
LINK_RAW_12: Final = int(Link.RAW_12)
LINK_RAW_14: Final = int(Link.RAW_14)
LINK_PPP_HDLC: Final = int(Link.PPP_HDLC)
LINK_PPP_ETHER: Final = int(Link.PPP_ETHER)
LINK_RAW: Final = int(Link.RAW)
LINK_C_HDLC: Final = int(Link.C_HDLC)
LINK_IEEE80211: Final = int(Link.IEEE80211)
LINK_FRAME_RELAY: Final = int(Link.FRAME_RELAY)
LINK_LOOP: Final = int(Link.LOOP)
LINK_COOKED: Final = int(Link.COOKED)
LINK_PFLOG: Final = int(Link.PFLOG)
LINK_PRISM: Final = int(Link.PRISM)
LINK_RADIOTAP: Final = int(Link.RADIOTAP)
LINK_AVS: Final = int(Link.AVS)
LINK_PPP_PPPD: Final = int(Link.PPP_PPPD)
LINK_PPI: Final = int(Link.PPI)
LINK_PPP_WITH_DIRECTION: Final = int(Link.PPP_WITH_DIRECTION)
LINK_C_HDLC_WITH_DIRECTION: Final = int(Link.C_HDLC_WITH_DIRECTION)
LINK_FRAME_RELAY_WITH_DIRECTION: Final = int(Link.FRAME_RELAY_WITH_DIRECTION)
LINK_IPV4: Final = int(Link.IPV4)
LINK_IPV6: Final = int(Link.IPV6)
LINK_NFLOG: Final = int(Link.NFLOG)
LINK_NETANALYZER: Final = int(Link.NETANALYZER)
LINK_IPOIB: Final = int(Link.IPOIB)
LINK_PKTAP: Final = int(Link.PKTAP)
LINK_COOKED2: Final = int(Link.COOKED2)

# What stands at the position at hand: an EtherType as such (0 to 0xffff), or one of these.
NEXT_DONE: Final = -1
NEXT_ETHERNET: Final = -2
NEXT_ANY_IP: Final = -3
"""IPv4 or IPv6, by the version in the first byte."""
NEXT_GRE: Final = -4
NEXT_LLC: Final = -5
NEXT_PPP: Final = -6
"""PPP, with or without address and control bytes."""
NEXT_WIFI: Final = -7
NEXT_ERSPAN: Final = -8
"""ERSPAN type II: type I has no header of its own."""
NEXT_ETHERIP: Final = -9

TYPE_IPV4: Final = 0x0800
TYPE_IPV6: Final = 0x86DD
TYPE_ARP: Final = 0x0806
TYPE_VLAN: Final = 0x8100
TYPE_VLAN_SERVICE: Final = 0x88A8
TYPE_VLAN_OLD: Final = 0x9100
TYPE_MPLS: Final = 0x8847
TYPE_MPLS_MULTICAST: Final = 0x8848
TYPE_PPPOE_DISCOVERY: Final = 0x8863
TYPE_PPPOE: Final = 0x8864
TYPE_PPP_IN_GRE: Final = 0x880B
TYPE_MACSEC: Final = 0x88E5
TYPE_BATMAN: Final = 0x4305
TYPE_ERSPAN2: Final = 0x88BE
TYPE_ERSPAN3: Final = 0x22EB
TYPE_NSH: Final = 0x894F
TYPE_WCCP: Final = 0x883E
TYPE_BRIDGED_ETHERNET: Final = 0x6558
TYPE_LEAST: Final = 0x0600
"""IEEE 802.3: smaller values are lengths."""
