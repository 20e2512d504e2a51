"""Requests to a service of a load balancer."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, TCP, Raw, ether, right, write


def packets() -> list[bytes]:
    """Three segments."""
    made = []
    for n in range(3):
        ip = ether(0x02, 0x01) / IP(src="198.51.100.9", dst="198.51.100.1", id=n)
        made.append(right(ip / TCP(sport=40000 + n, dport=80, flags="PA") / Raw(b"request %d" % n)))
    return made


if __name__ == "__main__":
    write(__file__, packets())
