"""A host's requests to another, by a virtual port; captured where they leave its kernel."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import partial, requests, write

if __name__ == "__main__":
    write(__file__, requests("10.5.0.1", "10.5.0.2", partial))
