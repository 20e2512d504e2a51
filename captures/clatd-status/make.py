"""Answers from an IPv4 server by way of a NAT64; captured at the radio, where segments are put together."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import answered_over_ipv6, write

if __name__ == "__main__":
    write(__file__, answered_over_ipv6("64:ff9b::c633:6450", "2001:db8:5::4"), "rmnet0")
