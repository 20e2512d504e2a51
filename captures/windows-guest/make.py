"""What a Windows guest sends and hears, captured inside it; two of the answers were damaged on the way."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import write
from guests import windows_inside

if __name__ == "__main__":
    write(__file__, windows_inside())
