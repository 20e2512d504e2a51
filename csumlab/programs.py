"""What programs that take packets out of the kernel and put them back do with checksums: behaviours that a rule or a device can be given,
and programs known to have them.

They sit behind an NFQUEUE rule or between two packet sockets. The tables of ``stages/programs.py`` ask for behaviours only. A program is a
name for some of them, with the source that tells; ``csumlab stages programs`` lists both.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Final

from csumlab.behaviours import Known, chosen

BEHAVIOURS: Final[Mapping[str, str]] = {
    "takes-unfinished": "asks its queue for packets as they are, neither finished nor cut (NFQA_CFG_F_GSO)",
    "sums": "sums the bytes itself and drops what comes out wrong, if nothing below says otherwise",
    "heeds-owed": "is told where a sum is still owed (NFQA_SKB_CSUMNOTREADY): does not verify it, and updates it as an unfinished one",
    "heeds-verified": "is told where a sum is not verified yet (NFQA_SKB_CSUM_NOTVERIFIED), and verifies only there",
    "anew": "makes the sum of what it edits anew",
    "forgets": "edits, and leaves the sum to whoever transmits",
}
"""Each completes "a program that ..."."""

PROGRAMS: Final = (
    Known("libnetfilter-queue", ("anew",), "libnetfilter_queue src/extra/tcp.c nfq_tcp_mangle_ipv4, udp.c nfq_udp_mangle_ipv4", "memory"),
    Known("nf-queue-example", ("takes-unfinished",), "libnetfilter_queue examples/nf-queue.c", "memory"),
    Known("scapy", ("anew",), "scapy/layers/inet.py: a field that is deleted is computed when the packet is built", "memory"),
)  # fmt: skip


@cache
def behaviours(text: str) -> tuple[str, ...]:
    """The behaviours that ``program`` names: words, each a behaviour or a program. Raises ValueError, which says what there is."""
    return tuple(chosen(text, "program", BEHAVIOURS, PROGRAMS))
