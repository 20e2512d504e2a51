"""Geneve packets of a virtual machine with offload off; captured at its tap."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, TCP, UDP, Raw, ether, right, unsummed, write

GUEST, FAR = "192.0.2.7", "192.0.2.9"
INSIDE, FAR_INSIDE = "10.8.0.1", "10.8.0.2"
GENEVE = b"\0\0\x65\x58\0\0\1\0"


def packets() -> list[bytes]:
    """There is no outer sum; the inner one is right, for the guest fills it."""
    made = []
    for n in range(4):
        outer = ether(0x02, 0x09) / IP(src=GUEST, dst=FAR, id=n) / UDP(sport=50000 + n, dport=6081) / Raw(GENEVE)
        inner = ether(0x21, 0x22) / IP(src=INSIDE, dst=FAR_INSIDE, id=n)
        made.append(unsummed(right(outer / inner / TCP(sport=40000 + n, dport=80, flags="PA") / Raw(b"request %d" % n))))
    return made


if __name__ == "__main__":
    write(__file__, packets())
