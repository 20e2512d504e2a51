"""Packets from outside for a guest of Qubes OS, two of them damaged; captured on the network guest's card."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import packets_of, write

if __name__ == "__main__":
    write(__file__, packets_of("qubes-linux-firewall"))
