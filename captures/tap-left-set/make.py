"""A host's answers to a guest that takes no unfinished sums; captured on the host's bridge."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import partial, requests, write

if __name__ == "__main__":
    write(__file__, requests("10.5.0.1", "10.5.0.11", partial))
