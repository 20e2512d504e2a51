"""Answers for a Windows guest, every second one damaged on the way, and one whose IPv4 header was."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, TCP, UDP, Raw, damaged, right, write
from guests import BEHIND, GUEST, MACHINE, SERVER
from scapy.layers.l2 import Ether


def packets() -> list[bytes]:
    """Over TCP and UDP in turn."""
    made = []
    for n in range(4):
        around = Ether(src=BEHIND, dst=MACHINE) / IP(src=SERVER, dst=GUEST, id=n)
        text = Raw(b"answer %d" % n)
        for answer in (around / TCP(sport=80, dport=40000 + n, flags="PA") / text, around / UDP(sport=53, dport=5000 + n) / text):
            made += [right(answer.copy()), damaged(right(answer.copy()))]
    whole = bytearray(made[0])
    whole[19] ^= 1
    return [*made, bytes(whole)]


if __name__ == "__main__":
    write(__file__, packets())
