"""A guest's packets to its neighbour, some with a long extension header of IPv6; captured in the guest."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import extended, partial, write

if __name__ == "__main__":
    write(__file__, extended("2001:db8:2::11", "2001:db8:2::12", partial, partial, octets=80))
