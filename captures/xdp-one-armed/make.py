"""A container's requests to a service behind a load balancer with one device; captured where they leave the container."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import partial, requests, write

if __name__ == "__main__":
    write(__file__, requests("192.0.2.21", "10.1.0.3", partial))
