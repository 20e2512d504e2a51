"""A guest's requests, their sums left open; captured on its vif before dom0 tags them."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import packets_of, write

if __name__ == "__main__":
    write(__file__, packets_of("xen-3.0.0-vlan"))
