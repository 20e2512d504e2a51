"""A paravirtual guest's requests to a guest without such drivers, on one Xen host; captured where they leave the first."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import partial, requests, write

if __name__ == "__main__":
    write(__file__, requests("192.0.2.11", "192.0.2.12", partial))
