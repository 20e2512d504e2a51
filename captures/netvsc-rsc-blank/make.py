"""A download that the host put together; captured in the guest."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, TCP, Raw, ether, right, write


def packets() -> list[bytes]:
    """Four segments of 4,000 bytes and one that fits a frame, the long ones with no IPv4 sum."""
    made = []
    for n, length in enumerate((4000, 4000, 4000, 4000, 400)):
        answer = ether(0xFE, 0x07) / IP(src="198.51.100.80", dst="192.0.2.7", id=n) / TCP(sport=80, dport=40000, seq=4000 * n, flags="A")
        whole = right(answer / Raw(bytes(length)))
        made.append(whole if length < 1500 else whole[:24] + bytes(2) + whole[26:])
    return made


if __name__ == "__main__":
    write(__file__, packets())
