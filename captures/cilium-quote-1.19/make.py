"""ICMP errors about what a node sent for its pods, as they reach the node's card: about TCP, UDP and a ping, quoted whole or for TCP with
eight bytes."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import errors_about, write

if __name__ == "__main__":
    write(__file__, errors_about("192.0.2.7", "198.51.100.80", router="192.0.2.254"))
