"""Requests of a Windows guest over UDP, captured on its tap: the sums of TCP are left to the card, those of UDP to nobody."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import partial, requests, write
from guests import GUEST, SERVER

if __name__ == "__main__":
    write(__file__, requests(GUEST, SERVER, partial))
