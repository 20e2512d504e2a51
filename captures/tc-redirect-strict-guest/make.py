"""What a host asks of a network device in a virtual machine, whose container hands it on by tc; captured at the container's device."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import partial, requests, write


def packets() -> list[bytes]:
    """Requests over TCP and UDP, whose sums the host leaves to who sends them on."""
    return requests("172.20.20.1", "172.20.20.5", partial)


if __name__ == "__main__":
    write(__file__, packets())
