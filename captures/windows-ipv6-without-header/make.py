"""Requests of a Windows guest over IPv4 and IPv6, captured on the tap without a header that it has in its host."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, TCP, UDP, IPv6, Raw, partial, right, write
from guests import BEHIND, GUEST, GUEST6, MACHINE, SERVER, SERVER6
from scapy.layers.l2 import Ether


def packets() -> list[bytes]:
    """Those over IPv4 are summed by Windows; those over IPv6 are left to a host that was never asked."""
    made, out = [], Ether(src=MACHINE, dst=BEHIND)
    for n in range(3):
        text = Raw(b"request %d" % n)
        for made_by, ip in ((right, IP(src=GUEST, dst=SERVER, id=n)), (partial, IPv6(src=GUEST6, dst=SERVER6))):
            made.append(made_by(out / ip.copy() / TCP(sport=40000 + n, dport=80, flags="PA") / text))
            made.append(made_by(out / ip.copy() / UDP(sport=5000 + n, dport=53) / text))
    return made


if __name__ == "__main__":
    write(__file__, packets())
