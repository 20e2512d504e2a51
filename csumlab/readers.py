"""What programs that take packets otherwise than by a TCP or UDP socket do with checksums: behaviours that a device can be given, and
programs known to have them.

They read packet sockets, raw sockets, AF_XDP rings or a virtio header, and some only watch. The tables of ``stages/readers.py`` ask for
behaviours only. A program is a name for some of them, with the source that tells; ``csumlab stages readers`` lists both.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Final

from csumlab.behaviours import Known, chosen

BEHAVIOURS: Final[Mapping[str, str]] = {
    "sums": "sums the bytes itself and drops what comes out wrong, if nothing below says otherwise",
    "compares": "compares the fields, that of the IPv4 header too, with what it computes: 0xffff is not 0x0000",
    "trusts": "looks at no sum",
    "udp-only": "takes UDP, and leaves all else to the kernel",
    "heeds-owed": "is told where a sum is still owed (TP_STATUS_CSUMNOTREADY, NEEDS_CSUM), and takes the packet then",
    "heeds-verified": "is told where a sum counts as verified (TP_STATUS_CSUM_VALID, DATA_VALID), and takes the packet then",
    "valid-of-complete": "is told so also where a card only summed the packet (CHECKSUM_COMPLETE) and nobody compared",
    "refuses-unsummed": "refuses UDP without a sum over IPv4 too, where it may have none (RFC 768)",
    "sums-fragments": "sums a fragment as if it were a whole packet",
    "watches": "only sees copies of what passes the device, both ways",
}
"""Each completes "a program that ..."."""

READERS: Final = (
    Known("bmv2", ("sums", "compares"), "p4lang/behavioral-model src/bm_sim/checksums.cpp: a P4 program that verifies its sums"),
    Known("dhcp-client", ("udp-only", "sums"), "ISC dhcp common/packet.c decode_udp_ip_header; common/lpf.c without PACKET_AUXDATA"),
    Known("dhcp-client-auxdata", ("udp-only", "sums", "heeds-owed"), "linux 6.1 net/packet/af_packet.c packet_recvmsg (PACKET_AUXDATA)"),
    Known("gvisor", ("trusts",), "gVisor issue 2989: --rx-checksum-offload is on unless it is switched off", "derived"),
    Known("libpcap-6.0", ("watches", "sums", "heeds-owed", "heeds-verified", "valid-of-complete"), "linux before commit b85f628aa158"),
    Known("nsd-xdp", ("udp-only", "trusts"), "NLnetLabs NSD issue 465, before pull request 467"),
    Known("raw-socket", ("trusts",), "linux 6.1 net/ipv4/raw.c raw_rcv: nothing behind the IP header is verified", "observed"),
    Known("sockmap-5.15.4", ("udp-only", "trusts"), "linux 5.15.4 net/ipv4/udp.c udp_read_sock"),
    Known("suricata", ("watches", "sums"), "Suricata, capture.checksum-validation and stream.checksum-validation", "memory"),
    Known("tailscale-netstack", ("sums", "sums-fragments"), "https://github.com/tailscale/tailscale/issues/20320", "derived"),
    Known("udhcpc", ("udp-only", "sums", "compares", "heeds-owed"), "busybox networking/udhcp/dhcpc.c udhcp_recv_raw_packet"),
    Known("wicked-0.6", ("udp-only", "sums", "refuses-unsummed"), "https://github.com/openSUSE/wicked/pull/223: a DHCP client", "derived"),
    Known("zeek", ("watches", "sums"), "Zeek, ignore_checksums = F", "memory"),
    Known("zephyr-1.14", ("sums", "refuses-unsummed"), "https://github.com/zephyrproject-rtos/zephyr/issues/16375", "derived"),
)  # fmt: skip

_SEVERAL: Final[Mapping[str, str]] = {
    "dhclient": "ISC's own is 'dhcp-client', that of distributions which patch it to ask for PACKET_AUXDATA 'dhcp-client-auxdata'",
    "ids": "say which: 'suricata' or 'zeek', or how it behaves, 'watches sums'",
}
"""Names that stand for programs which behave differently."""


@cache
def behaviours(text: str) -> tuple[str, ...]:
    """The behaviours that a device's ``reader`` names: words, each a behaviour or a program. Raises ValueError, which says what
    there is."""
    for word in text.split():
        if word in _SEVERAL:
            raise ValueError(f"unknown reader {word!r}; {_SEVERAL[word]}")
    return tuple(chosen(text, "reader", BEHAVIOURS, READERS))
