"""What programs that take packets out of the kernel and put them back do with checksums: behaviours that a rule or a device can be given,
and programs known to have them.

They sit behind an NFQUEUE rule, or take all frames of a domain's devices by packet sockets and are its stack. The tables of
``stages/programs.py`` ask for behaviours only. A program is a name for some of them, with the source that tells; ``csumlab stages
programs`` lists both.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Final

from csumlab.behaviours import Known, chosen

BEHAVIOURS: Final[Mapping[str, str]] = {
    "keeps-header": "has a virtio header with every frame (PACKET_VNET_HDR, a ring of vhost-user), reads it, and writes one",
    "takes-unfinished": "asks its queue for packets as they are, neither finished nor cut (NFQA_CFG_F_GSO)",
    "sums": "sums the bytes itself and drops what comes out wrong, if nothing below says otherwise",
    "heeds-owed": "is told where a sum is owed (NFQA_SKB_CSUMNOTREADY, TP_STATUS_CSUMNOTREADY): and does not take it for finished",
    "heeds-verified": "is told where a sum counts as verified (TP_STATUS_CSUM_VALID, no NFQA_SKB_CSUM_NOTVERIFIED), and believes it",
    "anew": "makes the sum of what it edits anew",
    "forgets": "edits, and leaves the sum to whoever transmits",
    "updates-zero": "updates a UDP field of zero as if it were a sum",
    "refuses-owed": "drops what it is told that a sum is owed of (TP_STATUS_CSUMNOTREADY, an mbuf that needs offload)",
    "blanks-ip": "leaves the sum of every IPv4 header blank, to a card that it takes to make them",
    "header-included": "sends by a raw socket (IP_HDRINCL) in place of a packet socket",
}
"""Each completes "a program that ..."."""
OF_QUEUES: Final = frozenset({"takes-unfinished"})
"""What only a program behind NFQUEUE can do."""
OF_SOCKETS: Final = frozenset({"keeps-header", "header-included", "refuses-owed", "blanks-ip"})
"""What only one can do that has packet sockets or a vhost-user ring."""

PROGRAMS: Final = (
    Known("bmv2", (), "https://github.com/p4lang/behavioral-model/issues/1280", "derived"),
    Known("clatd", ("keeps-header",), "Android external/android-clat, change I536c0356: the status goes on to the tun device", "derived"),
    Known("clatd-before", (), "Android external/android-clat, before change I536c0356", "derived"),
    Known("dpvs-1.9", ("blanks-ip",), "https://github.com/iqiyi/dpvs/pull/1061, on cards of VMware", "derived"),
    Known("dpdk-io", (), "DPDK lib/vhost/virtio_net.c: what is received with NEEDS_CSUM does not ask for a sum when it is sent", "memory"),
    Known("gatekeeper-2019", ("blanks-ip",), "https://github.com/AltraMayor/gatekeeper/issues/260", "derived"),
    Known("grout-2026", (), "https://github.com/DPDK/grout/issues/724", "derived"),
    Known("gvisor-2026", ("updates-zero",), "gVisor before pull request 13526", "derived"),
    Known("libnetfilter-queue", ("anew",), "libnetfilter_queue src/extra/tcp.c nfq_tcp_mangle_ipv4, udp.c nfq_udp_mangle_ipv4", "memory"),
    Known("nat46-2020", ("updates-zero",), "https://github.com/ayourtch/nat46/pull/18", "derived"),
    Known("netmap-bridge", (), "https://github.com/luigirizzo/netmap/issues/175", "derived"),
    Known("netmap-emulated", ("refuses-owed",), "https://github.com/luigirizzo/netmap/issues/553", "derived"),
    Known("nf-queue-example", ("takes-unfinished",), "libnetfilter_queue examples/nf-queue.c", "memory"),
    Known("openvpn-client-nat", ("updates-zero",), "OpenVPN 2.7.4 clinat.c client_nat_transform; issue 1037", "derived"),
    Known("ovs-netdev", (), "Open vSwitch commit 29bb3093eb8b: before it, offload had to be off", "derived"),
    Known("ovs-netdev-tso", ("keeps-header",), "Open vSwitch commit 29bb3093eb8b (userspace-tso-enable)", "derived"),
    Known("relay", (), "any that opens packet sockets and asks them for no status"),
    Known("scapy", ("anew",), "scapy/layers/inet.py: a field that is deleted is computed when the packet is built", "memory"),
    Known("suricata-ips", (), "Suricata, af-packet with copy-mode: ips", "memory"),
    Known("virtualbox-bridged", (), "https://github.com/VirtualBox/virtualbox/issues/560", "derived"),
    Known("vpp-17.07", (), "https://github.com/FDio/vpp/issues/2438", "derived"),
    Known("vpp-18.04", ("heeds-owed",), "FD.io VPP 18.04 src/vnet/devices/af_packet/node.c mark_tcp_udp_cksum_calc", "derived"),
    Known("vpp-23.02", ("keeps-header",), "FD.io VPP src/plugins/af_packet/node.c fill_cksum_offload"),
    Known("xdpd-2014", ("refuses-owed",), "https://github.com/bisdn/xdpd/issues/41", "derived"),
    Known("weave-sleeve", (), "https://github.com/weaveworks/weave/issues/2354", "derived"),
)  # fmt: skip


@cache
def behaviours(text: str) -> tuple[str, ...]:
    """The behaviours that ``program`` names: words, each a behaviour or a program. Raises ValueError, which says what there is."""
    return tuple(chosen(text, "program", BEHAVIOURS, PROGRAMS))
