"""Segments that came in two fragments each, for a network stack in a program; captured on the card."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, TCP, Raw, ether, right, write

from csumlab.inet import negate, residue

SERVER, CLIENT = "192.0.2.7", "198.51.100.80"


def packets() -> list[bytes]:
    """Three segments of 800 bytes, each in two fragments."""
    made = []
    for n in range(3):
        text = Raw(bytes(range(200)) * 4)
        whole = right(ether(0xFE, 0x07) / IP(src=CLIENT, dst=SERVER, id=n) / TCP(sport=80, dport=40000 + n, flags="A") / text)
        for start, end in ((0, 400), (400, len(whole) - 34)):
            flags = "MF" if end == 400 else 0
            piece = ether(0xFE, 0x07) / IP(src=CLIENT, dst=SERVER, id=n, proto=6, frag=start // 8, flags=flags, len=20 + end - start)
            header = bytearray(bytes(piece))
            header[24:26] = negate(residue(bytes(header[14:24]) + bytes(2) + bytes(header[26:34]))).to_bytes(2, "big")
            made.append(bytes(header) + whole[34 + start : 34 + end])
    return made


if __name__ == "__main__":
    write(__file__, packets())
