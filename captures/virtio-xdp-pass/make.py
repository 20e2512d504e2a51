"""A host's requests to a virtual machine with an XDP program; captured where they leave the host."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, TCP, UDP, Raw, ether, right, write

HOST, GUEST = "10.5.0.1", "10.5.0.11"


def packets() -> list[bytes]:
    """Requests over TCP and UDP, filled by the host's kernel since the guest takes no unfinished sums."""
    made = []
    for n in range(3):
        out = ether(0x01, 0x11) / IP(src=HOST, dst=GUEST, id=n)
        made += [
            right(out / TCP(sport=40000 + n, dport=80, flags="PA") / Raw(b"request %d" % n)),
            right(out / UDP(sport=5000 + n, dport=53) / Raw(b"request %d" % n)),
        ]
    return made


if __name__ == "__main__":
    write(__file__, packets())
