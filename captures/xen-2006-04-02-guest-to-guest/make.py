"""What two guests of one host say to each other; captured on the vif of the first."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import packets_of, write

if __name__ == "__main__":
    write(__file__, packets_of("xen-3.0.2-guest-to-guest"))
