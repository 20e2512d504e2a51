"""Requests of a guest, captured as dom0 gets them: unfinished, as the guest's offload leaves them."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, TCP, UDP, Raw, ether, partial, write

GUEST, SERVER = "10.0.0.11", "198.51.100.80"


def packets() -> list[bytes]:
    """Segments and datagrams to a server behind the DSL line."""
    made = []
    for n in range(6):
        inside = TCP(sport=4000 + n, dport=80, flags="PA") if n % 2 else UDP(sport=5000 + n, dport=53)
        made.append(partial(ether(0x11, 0x01) / IP(src=GUEST, dst=SERVER, id=n) / inside / Raw(b"question number %d" % n)))
    return made


if __name__ == "__main__":
    write(__file__, packets(), "vif1.0")
