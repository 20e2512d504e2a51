"""Damage on the wire to a container's GRE device; captured where it comes in."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, TCP, Raw, damaged, ether, right, write
from scapy.layers.l2 import GRE

FAR, POD = "192.0.2.9", "10.9.0.2"
INSIDE, FAR_INSIDE = "10.8.0.2", "10.8.0.1"


def packets() -> list[bytes]:
    """Six segments in GRE without a sum of its own, the last two damaged on the wire."""
    made = []
    for n in range(6):
        outer = ether(0x09, 0x07) / IP(src=FAR, dst=POD, id=n) / GRE()
        packet = right(outer / IP(src=INSIDE, dst=FAR_INSIDE, id=n) / TCP(sport=40000 + n, dport=80, flags="PA") / Raw(b"request %d" % n))
        made.append(damaged(packet) if n > 3 else packet)
    return made


if __name__ == "__main__":
    write(__file__, packets())
