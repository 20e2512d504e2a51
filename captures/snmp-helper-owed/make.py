"""Traps that an SNMP agent in a container sends, their sums left open; captured on the host's end of its cable."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, UDP, Raw, ether, partial, write

AGENT, MANAGER = "10.9.0.2", "198.51.100.80"
TRAP = bytes.fromhex("302a020101 0406 7075626c6963 a71d 020107 020100 020100 3012 3010 06032b0601 4004 0a090002 0000 00".replace(" ", ""))


def packets() -> list[bytes]:
    """Traps with the agent's address in them (RFC 3416 section 3)."""
    return [partial(ether(0x02, 0x01) / IP(src=AGENT, dst=MANAGER, id=n) / UDP(sport=40000 + n, dport=162) / Raw(TRAP)) for n in range(4)]


if __name__ == "__main__":
    write(__file__, packets())
