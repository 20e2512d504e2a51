"""Requests of a virtual machine that its host redirects to programs of its own, and their answers; captured on its tap."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import answered, partial, write

if __name__ == "__main__":
    write(__file__, answered("10.7.0.11", "203.0.113.80", partial))
