"""Packets for a guest, every second one with a wrong sum in its IPv4 header; captured on dom0's card."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import packets_of, write

if __name__ == "__main__":
    write(__file__, packets_of("linux-6.1-wrong-header"))
