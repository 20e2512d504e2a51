"""The same datagrams by a later kernel, captured where they leave the router for the second segment."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import partial, to_a_group, write

if __name__ == "__main__":
    write(__file__, to_a_group("192.0.2.1", "239.1.1.1", partial))
