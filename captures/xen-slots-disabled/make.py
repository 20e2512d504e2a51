"""What a guest sends: frames of one page, and super-frames of 40,000 and 65,490 bytes; captured in the guest."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import packets_of, write

if __name__ == "__main__":
    write(__file__, packets_of("xen-slots-error"))
