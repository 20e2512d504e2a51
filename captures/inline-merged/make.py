"""A server's answers as an intrusion prevention system gets them from its card, one of them put together of segments; captured there."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, TCP, Raw, ether, right, superframe, write


def packets() -> list[bytes]:
    """A short answer and what is put together of three segments."""
    around = ether(0x01, 0x02) / IP(src="192.0.2.9", dst="192.0.2.11")
    made = [right(around.copy() / TCP(sport=80, dport=40000, flags="PA") / Raw(b"a short answer"))]
    made.append(superframe(around / TCP(sport=80, dport=40000, seq=14, flags="A") / Raw(bytes(4000))))
    return made


if __name__ == "__main__":
    write(__file__, packets())
