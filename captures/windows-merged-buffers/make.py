"""Long datagrams for a Windows guest, every second one damaged on the way; captured where they come in."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, UDP, Ether, Raw, damaged, right, write
from guests import BEHIND, GUEST, MACHINE, SERVER


def packets() -> list[bytes]:
    """Of a network with jumbo frames."""
    made = []
    for n in range(3):
        text = Raw(bytes(range(250)) * 24)
        long = right(Ether(src=BEHIND, dst=MACHINE) / IP(src=SERVER, dst=GUEST, id=n) / UDP(sport=53, dport=5000 + n) / text)
        made += [long, damaged(long)]
    return made


if __name__ == "__main__":
    write(__file__, packets())
