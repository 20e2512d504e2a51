"""Requests to a published port, as the desktop's program hands them to the virtual machine."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, TCP, Raw, ether, right, write


def packets() -> list[bytes]:
    """Requests with right sums."""
    around = ether(0x01, 0x03) / IP(src="192.0.2.1", dst="192.0.2.3")
    return [right(around.copy() / TCP(sport=40000 + n, dport=19080, flags="PA") / Raw(b"request %d" % n)) for n in range(3)]


if __name__ == "__main__":
    write(__file__, packets())
