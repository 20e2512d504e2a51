"""Long datagrams of a guest that leaves them whole and does not say that a sum is owed; their sums are wrong."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import damaged, right, write
from large import left_whole

if __name__ == "__main__":
    write(__file__, left_whole(lambda packet: damaged(right(packet))))
