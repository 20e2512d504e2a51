"""A namespace's requests to a server that has IPv4 only; captured where they leave it."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import TCP, UDP, IPv6, Raw, ether, partial, write


def packets() -> list[bytes]:
    """Segments and datagrams, their sums left to a device."""
    ip = ether(0x11, 0x01) / IPv6(src="2001:db8:1::2", dst="64:ff9b::c633:6409")
    kinds = (TCP(sport=4000, dport=80, flags="PA"), UDP(sport=5000, dport=53))
    return [partial(ip.copy() / kind.copy() / Raw(b"request %d" % n)) for n in range(3) for kind in kinds]


if __name__ == "__main__":
    write(__file__, packets())
