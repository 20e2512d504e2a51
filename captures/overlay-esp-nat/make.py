"""A container's requests to another on its overlay network; captured where they leave it."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import partial, requests, write

if __name__ == "__main__":
    write(__file__, requests("10.0.1.2", "10.0.1.3", partial))
