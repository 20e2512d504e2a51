"""Requests of a guest, captured as its host gets them: unfinished, as the offload there leaves them."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import unfinished_requests, write

if __name__ == "__main__":
    write(__file__, unfinished_requests("10.0.0.11", "198.51.100.80"), "vif1.0")
