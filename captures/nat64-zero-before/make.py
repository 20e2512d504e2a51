"""Segments and datagrams of an IPv4 client to a server that has IPv6 only, half of the datagrams without a sum; captured on the
translator's outer card."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import exchange, right, unsummed, write

if __name__ == "__main__":
    packets = exchange("198.51.100.80", "192.0.2.64", right, 4)
    sent = [packet for packet in packets if packet[26:30] == bytes([198, 51, 100, 80])]
    write(__file__, [unsummed(packet) if packet[23] == 17 and packet[19] % 2 else packet for packet in sent])
