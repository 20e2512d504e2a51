"""Requests that a guest sends from an inside address and translates itself; captured on the vif, unfinished."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, TCP, Raw, ether, partial, write

from csumlab.inet import residue

OWN, JAIL, SERVER = "192.0.2.11", "10.9.0.1", "198.51.100.80"


def by_the_wrong_rule(frame: bytes) -> bytes:
    """A pseudo-header's sum that was updated as a finished one: short of twice the change of address."""
    change = residue(bytes(map(int, OWN.split(".")))) - residue(bytes(map(int, JAIL.split("."))))
    field = (int.from_bytes(frame[50:52], "big") - 2 * change) % 0xFFFF
    return frame[:50] + field.to_bytes(2, "big") + frame[52:]


def packets() -> list[bytes]:
    """Segments whose sums are left open, as pf leaves them."""
    made = []
    for n in range(4):
        out = ether(0x11, 0xFE) / IP(src=OWN, dst=SERVER, id=n) / TCP(sport=40000 + n, dport=80, seq=n, flags="PA")
        made.append(by_the_wrong_rule(partial(out / Raw(b"request %d" % n))))
    return made


if __name__ == "__main__":
    write(__file__, packets())
