"""Cures: the smallest changes to a host that are known to help because the class was walked again with them.

A change is offered only if the finding is gone and no other has come. A feature that is fixed is never offered.
"""

from __future__ import annotations

from csumlab.cures.candidates import candidates
from csumlab.cures.cure import Cure

__all__ = ["Cure", "candidates"]
