"""Segments and datagrams over IPv6 for a Windows guest, some behind an extension header; all sums are right."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import extended, right, write
from guests import GUEST6, SERVER6

if __name__ == "__main__":
    write(__file__, extended(SERVER6, GUEST6, right, right))
