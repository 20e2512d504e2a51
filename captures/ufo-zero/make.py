"""Long datagrams whose sum comes out as zero, of a guest that leaves them whole."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import write
from large import left_whole, summed_to_zero

if __name__ == "__main__":
    write(__file__, left_whole(summed_to_zero))
