"""A virtual machine's requests to another, by a switch in a third that keeps headers; captured where they leave the first."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import partial, requests, write

if __name__ == "__main__":
    write(__file__, requests("192.0.2.2", "192.0.2.5", partial))
