"""A pod's requests to another node; captured where they leave the pod."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import partial, requests, write

if __name__ == "__main__":
    write(__file__, requests("10.244.1.2", "10.244.2.1", partial))
