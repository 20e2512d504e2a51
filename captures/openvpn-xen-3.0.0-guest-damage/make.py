"""What OpenVPN hands to a guest of Xen 3.0.0; captured at its tun device."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import packets_of, write

if __name__ == "__main__":
    write(__file__, packets_of("openvpn-dom0-damage"))
