"""A desktop's requests to its own virtual machine; captured as its kernel hands them to its card."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import partial, requests, write

if __name__ == "__main__":
    write(__file__, requests("192.0.2.1", "192.0.2.5", partial))
