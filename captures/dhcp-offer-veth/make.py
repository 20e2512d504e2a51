"""Offers of a DHCP server to a container on its own host and to another machine; captured where they leave the server."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import dhcp_offers, partial, write

if __name__ == "__main__":
    write(__file__, dhcp_offers(partial))
