"""How much property tests try: ``CSUMLAB_THOROUGH=20 pytest`` tries twenty times as many examples, and every walk."""

from __future__ import annotations

import os

TIMES = max(1, int(os.environ.get("CSUMLAB_THOROUGH", "1")))
