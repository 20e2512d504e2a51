"""Short datagrams of a Linux guest to its Windows host; captured as the guest's kernel hands them to its card."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, UDP, Raw, ether, partial, write


def packets() -> list[bytes]:
    """Datagrams with 2 to 30 bytes of payload."""
    around = ether(0x01, 0x02) / IP(src="172.24.0.2", dst="172.24.0.1")
    return [partial(around.copy() / UDP(sport=5000, dport=5201) / Raw(bytes(range(1, 1 + length)))) for length in (2, 8, 11, 12, 13, 30)]


if __name__ == "__main__":
    write(__file__, packets())
