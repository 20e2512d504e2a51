"""What a container asks a machine outside; captured where it leaves the container."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import partial, requests, write

if __name__ == "__main__":
    write(__file__, requests("10.8.0.10", "198.51.100.80", partial))
