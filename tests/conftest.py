"""Property tests try the same examples in every default run, so that a change is to blame for what fails; a thorough run draws new ones."""

from __future__ import annotations

from hypothesis import settings
from thoroughness import TIMES

settings.register_profile("steady", derandomize=True, database=None)
settings.load_profile("steady" if TIMES == 1 else "default")
