"""What one container asks another one on the same card, and a machine outside; captured where it leaves the first."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import partial, requests, write

if __name__ == "__main__":
    write(__file__, [*requests("192.0.2.10", "192.0.2.11", partial), *requests("192.0.2.10", "198.51.100.80", partial)])
