"""Segments for a pod, two of them damaged on the wire; captured as they come in."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import damaged, write
from guests import answers


def packets() -> list[bytes]:
    """Two were damaged after their sums were made."""
    return [damaged(packet) if n in (1, 4) else packet for n, packet in enumerate(answers("198.51.100.80", "10.9.0.2"))]


if __name__ == "__main__":
    write(__file__, packets())
