"""DHCP answers of a program that sums them and asks its card to sum them too; captured as it hands them over."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import packets_of, right, write

if __name__ == "__main__":
    write(__file__, packets_of("program-asks", right))
