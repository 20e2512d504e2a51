"""A virtual machine's datagrams to a DHCP relay, which its host routes, and two that were damaged; captured on the guest's tap."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, UDP, Raw, damaged, ether, partial, right, write

GUEST, RELAY = "10.5.0.11", "198.51.100.67"


def packets() -> list[bytes]:
    """Datagrams whose sum is left to the host, and two that a program made itself and whose data was damaged since."""
    out = [ether(0x11, 0x01) / IP(src=GUEST, dst=RELAY, id=n) / UDP(sport=67, dport=68) / Raw(b"answer %d" % n) for n in range(6)]
    return [partial(packet) for packet in out[:4]] + [damaged(right(packet)) for packet in out[4:]]


if __name__ == "__main__":
    write(__file__, packets())
