"""ICMP errors about what a host in a network of IPv6 only has sent, one of them damaged, and datagrams in fragments for it; captured as
they come in by the translator's outer card."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import damaged, errors_about, write
from fragmented import datagrams

if __name__ == "__main__":
    *errors, last = errors_about("203.0.113.64", "198.51.100.80", "192.0.2.254")
    write(__file__, [*errors, damaged(last), *datagrams("198.51.100.80", "203.0.113.64", 1)])
