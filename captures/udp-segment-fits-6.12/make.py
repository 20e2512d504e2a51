"""QUIC datagrams that their program asked to be segmented and that fit one; captured on Linux 6.12."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import packets_of, right, write

if __name__ == "__main__":
    write(__file__, packets_of("udp-segment-fits", right))
