"""What comes out of ESP in transport mode: segments that were damaged in their sender before it encrypted them, and good ones."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, TCP, Raw, damaged, ether, right, write

LEFT, RIGHT = "10.1.0.2", "192.0.2.9"


def packets() -> list[bytes]:
    """Decrypted, as the receiver's capture shows them; the third was damaged before it was encrypted."""
    made = []
    for n in range(5):
        sent = right(
            ether(0x01, 0x09) / IP(src=LEFT, dst=RIGHT, id=n, ttl=63) / TCP(sport=40000 + n, dport=80, flags="PA") / Raw(b"request %d" % n)
        )
        made.append(damaged(sent) if n == 2 else sent)
    return made


if __name__ == "__main__":
    write(__file__, packets())
