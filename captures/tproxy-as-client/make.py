"""What a transparent proxy asks further on by the addresses of its clients, and what comes back; captured on the card outside."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import exchange, partial, write

if __name__ == "__main__":
    write(__file__, exchange("10.7.0.11", "203.0.113.80", partial))
