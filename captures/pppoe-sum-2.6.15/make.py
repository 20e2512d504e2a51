"""Requests through a PPPoE session; captured as they come in by the card below it."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import asked_over_pppoe, write

if __name__ == "__main__":
    write(__file__, asked_over_pppoe())
