"""PTP's Sync messages, their sums made by the kernel; captured on their way to the card."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, UDP, Raw, ether, right, write


def packets() -> list[bytes]:
    """Sync messages (IEEE 1588 table 34) to the port of events, and to that of general messages, which get no time."""
    made = []
    for n in range(3):
        for port in (319, 320):
            message = bytes([0x10, 0x02, 0, 44]) + bytes(26) + n.to_bytes(2, "big") + bytes(12)
            made.append(
                right(ether(0x07, 0xFE) / IP(src="192.0.2.7", dst="198.51.100.80", id=n) / UDP(sport=port, dport=port) / Raw(message))
            )
    return made


if __name__ == "__main__":
    write(__file__, packets())
