"""What a guest asks a machine outside; captured as it comes from the guest."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import partial, requests, write

if __name__ == "__main__":
    write(__file__, requests("192.0.2.11", "198.51.100.80", partial))
