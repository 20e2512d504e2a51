"""Segments and pings in GRE with a sum; captured on their way to the card."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import GRE, ICMP, IP, TCP, Kind, Raw, blank, ether, partial, right, write

HOST, FAR = "192.0.2.7", "192.0.2.9"


def packets() -> list[bytes]:
    """Segments whose inner sum is left to the card, and pings, whose GRE sum is: of that the field is zero until it is made."""
    made = []
    for n in range(3):
        outer = ether(0x07, 0x09) / IP(src=HOST, dst=FAR, id=n) / GRE(chksum_present=1)
        inner = IP(src="10.244.0.1", dst="10.244.0.2", id=n)
        made.append(partial(outer / inner / TCP(sport=40000 + n, dport=80, flags="PA") / Raw(b"request %d" % n)))
        made.append(blank(right(outer / inner / ICMP(id=7, seq=n) / Raw(b"request %d" % n)), Kind.GRE))
    return made


if __name__ == "__main__":
    write(__file__, packets())
