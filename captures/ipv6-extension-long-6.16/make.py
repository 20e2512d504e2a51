"""Super-frames of a pod, every other one behind a destination options header."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import TCP, IPv6, IPv6ExtHdrDestOpt, PadN, Raw, ether, superframe, write


def packets() -> list[bytes]:
    """Super-frames with and without the header."""
    made = []
    for n in range(4):
        ip = ether(0x11, 0x01) / IPv6(src="2001:db8:1::11", dst="2001:db8:2::9")
        ip = ip / IPv6ExtHdrDestOpt(options=[PadN(optdata=bytes(4))]) if n % 2 else ip
        made.append(superframe(ip / TCP(sport=40000 + n, dport=80, flags="A") / Raw(bytes([n]) * 5000)))
    return made


if __name__ == "__main__":
    write(__file__, packets())
