"""What a management controller sends over both versions of IP; captured before its card."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import partial, requests, write


def packets() -> list[bytes]:
    """Two of each kind over IPv6, one of each over IPv4."""
    return requests("2001:db8:2::7", "2001:db8:2::9", partial, 2) + requests("192.0.2.7", "192.0.2.9", partial, 1)


if __name__ == "__main__":
    write(__file__, packets())
