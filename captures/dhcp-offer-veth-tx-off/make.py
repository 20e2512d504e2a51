"""The same offers, with the transmit checksumming of the server's bridge off."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import dhcp_offers, right, write

if __name__ == "__main__":
    write(__file__, dhcp_offers(right))
