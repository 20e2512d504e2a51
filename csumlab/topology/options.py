"""What devices and kernels can be set to, by the names of ethtool, iproute2, xenstore and sysctl, with the defaults of each.

``hw-enc-checksum`` and ``vlan-checksum`` are not ethtool strings: they stand for hw_enc_features and vlan_features
(include/linux/netdevice.h), which ethtool does not show.
"""

from __future__ import annotations

from collections.abc import Mapping

from csumlab import cards, readers
from csumlab.headers import Layer
from csumlab.packet import exactly
from csumlab.stages import linux
from csumlab.topology.model import CARRIAGES, Device, DeviceKind

K = DeviceKind
GENERIC, V4, V6, RX, GRO = "tx-checksum-ip-generic", "tx-checksum-ipv4", "tx-checksum-ipv6", "rx-checksum", "rx-gro"
ENCAPSULATED, TAGGED = "hw-enc-checksum", "vlan-checksum"
TSO4, TSO6, USO, TUNNEL, TUNNEL_SUMS = linux.TSO4, linux.TSO6, linux.USO, linux.TUNNEL, linux.TUNNEL_SUMS
SCTP, SCTP_CUTS = linux.SCTP, linux.SCTP_CUTS
SEGMENTING = (TSO4, TSO6, USO, TUNNEL, TUNNEL_SUMS, SCTP_CUTS)
OF_TRANSMIT = frozenset({GENERIC, V4, V6, SCTP, *SEGMENTING})
"""What a driver may take back for one packet: NETIF_F_CSUM_MASK and NETIF_F_GSO_MASK."""
GRO_FORWARDING, LRO = "rx-udp-gro-forwarding", "rx-lro"
FEATURES = (GENERIC, V4, V6, SCTP, RX, GRO, GRO_FORWARDING, LRO, ENCAPSULATED, TAGGED, *SEGMENTING)
SUMS_UDP = "sums-udp"
"""Of a port of Hyper-V's switch, and fixed: it makes the sums of UDP for a guest (NDIS_TXCSUM_CAP_UDP4)."""
NO_CSUM, IPV6_CSUM = "feature-no-csum-offload", "feature-ipv6-csum-offload"
"""Keys of xenstore: the frontend does not take unfinished IPv4 sums; this end takes unfinished IPv6 sums."""
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
_HOOKS: Mapping[str, bool] = {
    "checksum-fill": False,
    "netem-corrupt": False,
    "napi": False,
    "gso-unflagged": False,
    "heeds-rx-off": False,
    "udp-segment": False,
    "tunnels-unfilled": False,
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
CLAIMS: Mapping[str, bool] = {"claims-owed": False, "claims-verified": False, "claims-nothing": False, "claims-ip-owed": False}
"""Of a driver or program that says the same of every packet, right or wrong: that its sum is owed (csum_blank, NEEDS_CSUM, a card's flag to
fill), verified (data_validated, DATA_VALID), nothing; with a virtio header also that a sum is owed which starts inside the IPv4
header. On a tap it is the host that says it to its guest."""
CLAIMING = frozenset({K.NETFRONT, K.VIRTIO, K.TAP, K.MACVTAP, K.NIC})
OPTIONS: Mapping[str, bool] = {**TUNNEL_OPTIONS, **_TUN, **_HOOKS, **CLAIMS}
_OPTIONS_OF: Mapping[DeviceKind, Mapping[str, bool]] = {
    **{kind: {**OPTIONS, "vnet-hdr": True} for kind in (K.TAP, K.MACVTAP)},
    # IFLA_GENEVE_UDP_CSUM over IPv4 (drivers/net/geneve.c); net/l2tp/l2tp_core.c use_udp_checksums; drivers/net/bareudp.c TUNNEL_CSUM.
    **{kind: {**OPTIONS, "udpcsum": False} for kind in (K.GENEVE, K.L2TP, K.BAREUDP)},
}
SWITCHED = frozenset({K.NETVSC, K.NETVSP, K.VMXNET3, K.VMPORT})
"""The devices of guests of Hyper-V and ESXi, and the ports of their virtual switches."""
XENSTORE: Mapping[str, bool] = {NO_CSUM: False, IPV6_CSUM: True}


def options_of(device: Device) -> Mapping[str, bool]:
    """Every option of a device: what is set, else its kind's default; and how its card and its reader behave."""
    return {
        **_OPTIONS_OF.get(device.kind, OPTIONS),
        **device.options,
        **dict.fromkeys((*cards.behaviours(device.card), *readers.behaviours(device.reader)), True),
    }


def knobs_of(device: Device) -> Mapping[str, bool]:
    """The options of a device as the tables ask for them, with "xdp-runs" where a program runs in its driver and "ipsec"
    where packets are transformed (xfrm); for a tunnel also
    "outer-checksum", whether the outermost header that can have a sum gets one. GUE computes what is left to it without being told to
    (net/ipv4/fou_core.c gue_remcsum)."""
    options = {**options_of(device), "xdp-runs": device.native_xdp, "ipsec": device.kind is K.ESP}
    if device.kind not in CARRIAGES:
        return options
    if device.kind is K.ESP:
        # net/ipv6/esp6.c esp_output_encap_csum; over IPv4 the field is zero (RFC 3948 section 2.1).
        return {**options, "outer-checksum": device.encap == "udp" and exactly(device.local).version == 6}
    over_udp = device.encap in ("fou", "gue")
    word = "encap-csum" if over_udp else "udpcsum" if Layer.UDP in device.tunnel_layers else "csum"
    summed = options[word] and (word != "csum" or Layer.GRE in device.tunnel_layers)
    gue = device.encap == "gue"
    return {
        **options,
        "outer-checksum": summed,
        "encap-remcsum": options["encap-remcsum"] and gue,
        "remcsumrx": options["remcsumrx"] or gue,
    }
