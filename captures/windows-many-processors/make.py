"""DHCP answers of the host for a Windows guest, their sums left to whoever sends them on; captured on the tap."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import partial, write
from guests import offers_of_host

if __name__ == "__main__":
    write(__file__, offers_of_host(partial))
