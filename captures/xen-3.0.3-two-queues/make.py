"""A guest's requests that dom0 routes; captured on its vif."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import packets_of, write

if __name__ == "__main__":
    write(__file__, packets_of("xen-3.0.1-two-queues"))
