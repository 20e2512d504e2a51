"""Answers for a pod; captured as they come in to its host."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import write
from guests import answers

if __name__ == "__main__":
    write(__file__, answers("198.51.100.80", "10.9.0.2"))
