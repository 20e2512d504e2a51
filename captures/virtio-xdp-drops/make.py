"""A host sends to a virtual machine with an XDP program; captured where the packets leave for it, unfinished."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, TCP, Raw, ether, partial, write

HOST, GUEST = "10.5.0.1", "10.5.0.11"


def packets() -> list[bytes]:
    """Segments whose sums the host leaves open, as nobody told it otherwise."""
    out = ether(0x01, 0x11) / IP(src=HOST, dst=GUEST)
    return [partial(out / TCP(sport=22, dport=40000, seq=n, flags="PA") / Raw(b"answer %d" % n)) for n in range(4)]


if __name__ == "__main__":
    write(__file__, packets())
