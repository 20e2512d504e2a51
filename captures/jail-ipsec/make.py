"""A jail's requests to another site; captured where they leave the jail."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import partial, requests, write

if __name__ == "__main__":
    write(__file__, requests("10.1.0.2", "10.2.0.9", partial))
