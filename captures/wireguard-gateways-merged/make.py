"""Super-frames of a host that leaves segmentation to its card, for a host of another site; captured on the sender."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, TCP, Raw, ether, partial, write


def packets() -> list[bytes]:
    """Two super-frames of three segments."""
    made = [ether(0x05, 0x01) / IP(src="10.1.0.5", dst="10.2.0.5", id=n) / TCP(sport=4000 + n, dport=80, flags="A") for n in range(2)]
    return [partial(head / Raw(bytes([65 + n]) * 4200)) for n, head in enumerate(made)]


if __name__ == "__main__":
    write(__file__, packets())
