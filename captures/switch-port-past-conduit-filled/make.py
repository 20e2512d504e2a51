"""PTP's Sync messages, their sums left to the port; captured on their way to the port."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import partial, ptp_messages, write

if __name__ == "__main__":
    write(__file__, ptp_messages("192.0.2.7", "198.51.100.80", partial))
