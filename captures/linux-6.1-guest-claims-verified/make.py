"""What a guest sends to dom0 that sets the same flags for every packet, some of it damaged; captured on its vif."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import packets_of, write

if __name__ == "__main__":
    write(__file__, packets_of("linux-6.1-guest-claims-nothing"))
