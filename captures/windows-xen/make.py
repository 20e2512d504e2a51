"""What a Windows guest of Xen says to the outside and to dom0, and hears from both."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import write
from guests import virtual_machine

if __name__ == "__main__":
    write(__file__, virtual_machine())
