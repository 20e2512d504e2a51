"""Oracles: the same scenarios in the model and in reality, compared bit for bit.

``linux`` is the kernel that runs the tests. Modules are run as ``python -m tests.oracles.NAME`` from the project's root, or imported by
tests as ``oracles.NAME``; the helpers of the ordinary tests beside this folder are found either way.
"""

from __future__ import annotations

import sys
from pathlib import Path

_TESTS = str(Path(__file__).resolve().parents[1])
if _TESTS not in sys.path:
    sys.path.insert(0, _TESTS)
