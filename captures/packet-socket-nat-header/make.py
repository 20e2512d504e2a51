"""The same requests, with a program that is told what is owed."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import partial, requests, write

if __name__ == "__main__":
    write(__file__, requests("10.1.1.6", "10.103.220.210", partial) + requests("10.1.1.6", "10.1.2.3", partial))
