"""Questions to a published IPv6 address, the last one damaged; captured as they come in."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import UDP, IPv6, Raw, damaged, ether, right, write


def asked(number: int) -> bytes:
    around = ether(0xFE, 0x07) / IPv6(src="2001:db8:5::21", dst="2001:db8:2::7")
    return right(around / UDP(sport=5000 + number, dport=53) / Raw(b"question number %d" % number))


if __name__ == "__main__":
    write(__file__, [asked(0), asked(1), asked(2), damaged(asked(3))])
