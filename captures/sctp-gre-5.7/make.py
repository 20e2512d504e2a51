"""Super-frames of SCTP and short packets of it, all with the CRC left open; captured where a gateway gets them."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import blank_inits, write

if __name__ == "__main__":
    write(__file__, [*blank_inits("10.1.0.5", "10.2.0.1", 4000), *blank_inits("10.1.0.5", "10.2.0.1")])
