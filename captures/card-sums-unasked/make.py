"""Tagged segments, two of them damaged on the wire; captured as they come in."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, TCP, Dot1Q, Raw, damaged, ether, right, write

CLIENT, SERVER = "192.0.2.21", "192.0.2.9"


def packets() -> list[bytes]:
    """Segments behind a VLAN tag; two were damaged after their sums were made."""
    made = [
        right(
            ether(0x21, 0x09)
            / Dot1Q(vlan=7)
            / IP(src=CLIENT, dst=SERVER, id=n)
            / TCP(sport=40000 + n, dport=80, flags="PA")
            / Raw(b"request %d" % n)
        )
        for n in range(6)
    ]
    return [damaged(packet) if n in (1, 4) else packet for n, packet in enumerate(made)]


if __name__ == "__main__":
    write(__file__, packets())
