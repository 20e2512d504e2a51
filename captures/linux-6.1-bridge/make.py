"""A guest talks to the outside; captured on its vif, before the card fills the sums."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import write
from guests import xen_guest

if __name__ == "__main__":
    write(__file__, xen_guest())
