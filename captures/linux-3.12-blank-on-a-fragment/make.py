"""The first fragments of datagrams that a guest marks csum_blank; captured in the guest."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, UDP, Raw, ether, right, write

from csumlab.inet import negate, residue

GUEST, SERVER = "192.0.2.11", "192.0.2.254"


def first_fragment(n: int) -> bytes:
    """A finished datagram of 2008 bytes, cut behind 1480 of them."""
    whole = right(ether(0x11, 0xFE) / IP(src=GUEST, dst=SERVER, id=n) / UDP(sport=5000 + n, dport=53) / Raw(bytes(range(200)) * 10))
    cut = bytearray(whole[: 14 + 20 + 1480])
    cut[16:18] = (1500).to_bytes(2, "big")
    cut[20:22] = b"\x20\x00"
    cut[24:26] = bytes(2)
    cut[24:26] = negate(residue(bytes(cut[14:34]))).to_bytes(2, "big")
    return bytes(cut)


def packets() -> list[bytes]:
    return [first_fragment(n) for n in range(3)]


if __name__ == "__main__":
    write(__file__, packets())
