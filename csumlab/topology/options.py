"""What devices and kernels can be set to, by the names of ethtool, iproute2, xenstore and sysctl, with the defaults of each.

``hw-enc-checksum`` and ``vlan-checksum`` are not ethtool strings: they stand for hw_enc_features and vlan_features
(include/linux/netdevice.h), which ethtool does not show.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from csumlab import cards, readers
from csumlab.headers import Layer
from csumlab.packet import exactly
from csumlab.stages import linux
from csumlab.topology.model import CARRIAGES, Device, DeviceKind

K = DeviceKind
GENERIC, V4, V6, RX, GRO = "tx-checksum-ip-generic", "tx-checksum-ipv4", "tx-checksum-ipv6", "rx-checksum", "rx-gro"
ENCAPSULATED, TAGGED = "hw-enc-checksum", "vlan-checksum"
TSO4, TSO6, USO, TUNNEL, TUNNEL_SUMS = linux.TSO4, linux.TSO6, linux.USO, linux.TUNNEL, linux.TUNNEL_SUMS
SCTP, SCTP_CUTS, UFO = linux.SCTP, linux.SCTP_CUTS, linux.UFO
SEGMENTING = (TSO4, TSO6, USO, TUNNEL, TUNNEL_SUMS, SCTP_CUTS)
OF_TRANSMIT = frozenset({GENERIC, V4, V6, SCTP, UFO, *SEGMENTING})
"""What a driver may take back for one packet: NETIF_F_CSUM_MASK and NETIF_F_GSO_MASK."""
FOLLOWED = frozenset({GENERIC, V4, V6, RX, TAGGED, TSO4, TSO6})
"""What a macvlan or ipvlan that has only what the device below has can have of it (IPVLAN_FEATURES of Linux 5.8)."""
GRO_FORWARDING, GRO_LIST, LRO = "rx-udp-gro-forwarding", "rx-gro-list", "rx-lro"
FEATURES = (GENERIC, V4, V6, SCTP, RX, GRO, GRO_FORWARDING, GRO_LIST, LRO, ENCAPSULATED, TAGGED, *SEGMENTING, UFO)
SUMS_UDP = "sums-udp"
"""Of a port of Hyper-V's switch, and fixed: it makes the sums of UDP for a guest (NDIS_TXCSUM_CAP_UDP4)."""
UNNEGOTIATED = "sums-ipv6-unnegotiated"
"""Of a driver of a virtio device, and fixed: it leaves sums over IPv6 to its host even if that takes none (VIRTIO_NET_F_CSUM)."""
UNOFFERED = "sums-unoffered"
"""Of a driver for Hyper-V's interface, and fixed: it leaves sums to a host that did not offer to make them, and did not refuse either."""
NO_CSUM, IPV6_CSUM = "feature-no-csum-offload", "feature-ipv6-csum-offload"
"""Keys of xenstore: the frontend does not take unfinished IPv4 sums; this end takes unfinished IPv6 sums."""
SCATTER, CUTS_V4, CUTS_V6 = "feature-sg", "feature-gso-tcpv4", "feature-gso-tcpv6"
"""Keys of xenstore: this end takes frames in several slots, without which no super-frames; and super-frames of TCP."""
VERIFIES = "net.netfilter.nf_conntrack_checksum"
BRIDGE_CALLS: Mapping[int, str] = {4: "net.bridge.bridge-nf-call-iptables", 6: "net.bridge.bridge-nf-call-ip6tables"}
"""By IP version: whether bridged packets pass the hooks of IP (br_netfilter). On where the module is loaded, which it is not by default."""
KNOBS: Mapping[str, bool] = {VERIFIES: True, **dict.fromkeys(BRIDGE_CALLS.values(), False)}
"""Sysctls that a table or the way of a packet asks for, with the kernel's default."""
TUNNEL_OPTIONS: Mapping[str, bool] = {
    "udpcsum": True,
    "udp6zerocsumrx": False,
    "csum": False,
    "encap-csum": False,
    "encap-remcsum": False,
    "remcsumtx": False,
    "remcsumrx": False,
    "transport": False,
    "esp-offload": False,
    "card-encrypts": False,
    "dco-trusts": False,
}
"""Options of tunnel devices as iproute2 calls them, with the defaults of a VXLAN device in Linux 6.1 (drivers/net/vxlan/vxlan_core.c).
``udpcsum``: the outer UDP header gets a sum, over IPv4 or IPv6; ``csum``: so does GRE; ``transport``: ESP in transport mode;
``card-encrypts``: the card does what ESP does, and the sum inside is left to it;
``esp-offload``: the module esp4_offload or esp6_offload is loaded, so that super-frames are cut just before they are encrypted;
``dco-trusts``: OpenVPN's module from outside the kernel tree."""
OF_NETKVM = ("leaves-owed", "unaimed-udp", "merged-buffers")
"""Of a virtio device of Windows, whose driver: hands up a sum that is still owed as it came, which was seen with 60 processors; leaves out
where the sum of UDP starts, as it did until 2026 where task offload is disabled; or looks at the buffers of another packet where one takes
several (MergeableBuffers = 1)."""
_HOOKS: Mapping[str, bool] = {
    "checksum-fill": False,
    "netem-corrupt": False,
    "napi": False,
    "gso-unflagged": False,
    "heeds-rx-off": False,
    "udp-segment": False,
    "tunnels-unfilled": False,
    **dict.fromkeys(OF_NETKVM, False),
}
"""What a device of any kind may have hooked in: a rule with the CHECKSUM target for UDP that leaves by it (xt_CHECKSUM);
``netem-corrupt``: a queueing discipline that flips a bit of every packet that leaves by it;
``napi``: a tap with IFF_NAPI, where GRO runs; ``gso-unflagged``: a virtio device whose driver asks for segmentation without NEEDS_CSUM;
``heeds-rx-off``: a vif whose rx-checksumming is off and that heeds it; ``udp-segment``: programs that send UDP by it ask for segmentation
(UDP_SEGMENT) of what fits one datagram; ``tunnels-unfilled``: the port of an ESXi whose switch or card gets sums inside tunnels wrong,
although it offers to make them."""
_TUN: Mapping[str, bool] = {"vnet-hdr": False, "TUN_F_CSUM": False}
"""What the reader of a tun or tap device has set: IFF_VNET_HDR, and TUNSETOFFLOAD with TUN_F_CSUM. QEMU sets the first on a tap, and the
second if the guest took VIRTIO_NET_F_GUEST_CSUM (hw/net/virtio-net.c virtio_net_apply_guest_offloads)."""
CLAIMS_OF_SOME = ("claims-fragment-owed", "claims-icmp-owed")
CLAIMS: Mapping[str, bool] = dict.fromkeys(("claims-owed", "claims-verified", "claims-nothing", "claims-ip-owed", *CLAIMS_OF_SOME), False)
"""Of a driver or program that says the same of every packet, right or wrong: that its sum is owed (csum_blank, NEEDS_CSUM, a card's flag to
fill), verified (data_validated, DATA_VALID), nothing; with a virtio header also that a sum is owed which starts inside the IPv4
header. Or (``CLAIMS_OF_SOME``) of every fragment or ICMP packet that its sum is owed. On a tap it is the host that says it to its guest."""
CLAIMING = frozenset({K.NETFRONT, K.VIRTIO, K.TAP, K.MACVTAP, K.NIC})
OPTIONS: Mapping[str, bool] = {**TUNNEL_OPTIONS, **_TUN, **_HOOKS, **CLAIMS}
_OPTIONS_OF: Mapping[DeviceKind, Mapping[str, bool]] = {
    **{kind: {**OPTIONS, "vnet-hdr": True} for kind in (K.TAP, K.MACVTAP)},
    # IFLA_GENEVE_UDP_CSUM over IPv4 (drivers/net/geneve.c); net/l2tp/l2tp_core.c use_udp_checksums; drivers/net/bareudp.c TUNNEL_CSUM.
    **{kind: {**OPTIONS, "udpcsum": False} for kind in (K.GENEVE, K.L2TP, K.BAREUDP)},
}
_OVER_IPV6: Mapping[str, bool] = {"udpcsum": True, "encap-csum": True}
"""Other defaults of tunnels whose own packets are IPv6, where UDP needs a sum (RFC 8200 section 8.1): drivers/net/geneve.c geneve_nl2info
(IFLA_GENEVE_REMOTE6 sets TUNNEL_CSUM), iproute2 ip/ipl2tp.c (udp6_csum_tx), ip/link_ip6tnl.c and link_gre6.c (TUNNEL_ENCAP_FLAG_CSUM6)."""
FOO = ("fou", "gue")
"""Encapsulations of an IP tunnel in UDP: Foo over UDP, and GUE."""
SWITCHED = frozenset({K.NETVSC, K.NETVSP, K.VMXNET3, K.VMPORT})
"""The devices of guests of Hyper-V and ESXi, and the ports of their virtual switches."""
XENSTORE: Mapping[str, bool] = {NO_CSUM: False, IPV6_CSUM: True, SCATTER: True, CUTS_V4: True, CUTS_V6: True}


def options_of(device: Device, unsummed: Collection[tuple[DeviceKind, int]] = ()) -> Mapping[str, bool]:
    """Every option of a device: what is set, else its kind's default; and how its card and its reader behave. The socket of Foo over UDP
    and GUE takes datagrams over IPv6 without a sum, always (net/ipv4/fou_core.c fou_create, include/net/udp_tunnel.h udp_sock_create:
    use_udp6_rx_checksums is never set). ``unsummed`` is as in a preset."""
    version = exactly(device.local).version if device.kind in CARRIAGES and device.local else 0
    return {
        **_OPTIONS_OF.get(device.kind, OPTIONS),
        **(_OVER_IPV6 if version == 6 else {}),
        **({"udpcsum": False, "udp6zerocsumrx": version == 6} if (device.kind, version) in unsummed else {}),
        **({"udp6zerocsumrx": True} if device.encap in FOO else {}),
        **device.options,
        **dict.fromkeys((*cards.behaviours(device.card), *readers.behaviours(device.reader)), True),
    }


def knobs_of(device: Device, unsummed: Collection[tuple[DeviceKind, int]] = ()) -> Mapping[str, bool]:
    """The options of a device as the tables ask for them, with "xdp-runs" where a program runs in its driver and "ipsec"
    where packets are transformed (xfrm); for a tunnel also
    "outer-checksum", whether the outermost header that can have a sum gets one, "gre-checksum" if that is GRE's,
    and "outer-ipv6". GUE computes what is left to it without being told to
    (net/ipv4/fou_core.c gue_remcsum)."""
    options = {**options_of(device, unsummed), "xdp-runs": device.native_xdp, "ipsec": device.kind is K.ESP}
    if device.kind not in CARRIAGES:
        return options
    if device.kind is K.ESP:
        # net/ipv6/esp6.c esp_output_encap_csum; over IPv4 the field is zero (RFC 3948 section 2.1).
        return {**options, "outer-checksum": device.encap == "udp" and exactly(device.local).version == 6}
    over_udp = device.encap in FOO
    word = "encap-csum" if over_udp else "udpcsum" if Layer.UDP in device.tunnel_layers else "csum"
    summed = options[word] and (word != "csum" or Layer.GRE in device.tunnel_layers)
    gue = device.encap == "gue"
    return {
        **options,
        "outer-checksum": summed,
        "gre-checksum": summed and word == "csum",
        "outer-ipv6": exactly(device.local).version == 6,
        "encap-remcsum": options["encap-remcsum"] and gue,
        "remcsumrx": options["remcsumrx"] or gue,
    }


def misclaimed(kind: DeviceKind, of_linux: bool, options: Mapping[str, bool]) -> str:
    """Why a device of this kind, of a preset ``of_linux`` or another, cannot claim what ``options`` say; "" if it can. ``{}`` in it is the
    device."""
    claims = {word for word in CLAIMS if options.get(word)}
    if claims and (kind not in CLAIMING or (kind is K.NIC and not of_linux)):
        return "a {} claims nothing of its own"
    if "claims-ip-owed" in claims and kind not in (K.VIRTIO, K.TAP, K.MACVTAP):
        return "claims-ip-owed is said in a virtio header: of a virtio, tap or macvtap"
    if "claims-verified" in claims and kind is K.NIC:
        return "claims-verified is not said to a card, which is asked for sums and told of none"
    if kind is K.NETFRONT and claims & set(CLAIMS_OF_SOME):
        return "a slot of the ring says it of every packet: claims-owed"
    return ""
