"""What a guest sends: frames of one page, and super-frames of 40,000 and 65,490 bytes; captured in the guest."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, TCP, Raw, ether, partial, write

GUEST, SERVER = "192.0.2.11", "192.0.2.254"


def packets() -> list[bytes]:
    """Segments of one stream, each length twice."""
    return [
        partial(
            ether(0x11, 0xFE)
            / IP(src=GUEST, dst=SERVER, id=n)
            / TCP(sport=40000, dport=80, seq=n << 16, flags="PA")
            / Raw((bytes(range(256)) * 256)[:size])
        )
        for n, size in enumerate((1280, 40000, 65490) * 2)
    ]


if __name__ == "__main__":
    write(__file__, packets())
