"""What two virtual machines of a host say to each other and to the outside, as a sensor sees it that is given copies."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import exchange, partial, requests, write


def packets() -> list[bytes]:
    """Requests to the outside with answers, and requests to the other machine."""
    return exchange("192.0.2.11", "198.51.100.80", partial) + requests("192.0.2.11", "192.0.2.12", partial)


if __name__ == "__main__":
    write(__file__, packets())
