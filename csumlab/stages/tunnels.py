"""Tunnel ends and user-space VPN programs, as tables."""

from __future__ import annotations

from csumlab.headers import Kind
from csumlab.stage import (
    ABSENT_TRANSPORT,
    AIMED_AT_TRANSPORT,
    ANY,
    KEEP,
    POP,
    SAME,
    SEAL,
    UNSEAL,
    Row,
    Selector,
    Stage,
    carries,
    changed,
    fill,
    fresh,
    knob,
    when,
)
from csumlab.state import Bare, Skb, Summed

DECAPSULATE = Stage(
    name="decapsulate",
    title="tunnel decapsulation",
    source="linux 6.1 include/linux/skbuff.h skb_postpull_rcsum, __skb_checksum_convert; net/ipv4/udp.c udp_queue_rcv_one_skb",
    table=(
        Row(when(Skb, summed=Summed.PARTIAL), (AIMED_AT_TRANSPORT,), POP, fresh(Skb), "csum_start lies in the header that is taken off: nothing is known of the inner sums"),
        Row(when(Skb, summed=Summed.PARTIAL), (), POP, changed(encapsulation=False), "what is owed inside stays owed, and counts as verified here"),
        Row(when(Skb, summed=Summed.UNNECESSARY), (), POP, SAME, "the levels that are left speak of the inner headers"),
        Row(when(Skb), (ABSENT_TRANSPORT,), POP, fresh(Skb), "no outer sum: nothing is known of the inner one"),
        Row(when(Skb), (~carries(Kind.UDP, Kind.GRE),), POP, SAME, "the outer header has no checksum: what was known stays known"),
        Row(when(Skb, summed=(Summed.NONE, Summed.COMPLETE)), (), POP, fresh(Skb, summed=Summed.COMPLETE), "the outer sum counts as right, which gives the sum of the inner packet: it can be verified for free"),
    ),
)  # fmt: skip

TUN_READ = Stage(
    name="tun-read",
    title="tun device to a program",
    source="linux 6.1 drivers/net/tun.c tun_put_user",
    table=(
        Row(when(Skb, summed=Summed.PARTIAL), (knob("vnet-hdr"),), fill(Selector.AIMED), fresh(Bare), "the virtio_net_hdr says NEEDS_CSUM, and the program sums before it goes on", source="linux 6.1 drivers/net/tun.c tun_put_user; wireguard-go tun/offload_linux.go handleVirtioRead", sure="observed"),
        Row(ANY, (), KEEP, fresh(Bare), "the program reads bytes; nothing tells it of a sum that is still owed"),
    ),
)  # fmt: skip

VPN_SEAL = Stage(
    name="vpn-seal",
    title="VPN program encrypts",
    source="any user-space VPN: the inner packet is payload (RFC 768 sum of the outer packet apart)",
    table=(
        Row(when(Bare), (), SEAL, SAME, "the packet is encrypted as it is and leaves in a UDP packet of the program"),
    ),
)  # fmt: skip

VPN_UNSEAL = Stage(
    name="vpn-unseal",
    title="VPN program decrypts",
    source="linux 6.1 drivers/net/tun.c tun_get_user (no IFF_VNET_HDR)",
    table=(
        Row(ANY, (), UNSEAL, fresh(Skb), "the program writes bytes to its tun device: nothing is known of their sums"),
    ),
)  # fmt: skip
