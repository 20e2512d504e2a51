"""PTP's Sync messages, their sums made by the kernel; captured on their way to the card."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import ptp_messages, right, write

if __name__ == "__main__":
    write(__file__, ptp_messages("192.0.2.7", "198.51.100.80", right))
