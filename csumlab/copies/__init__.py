"""Copies of one packet in one capture, as hops with names, and the rewrites between them.

``matching`` finds them, ``places`` names where packets were seen, ``hops`` sums up the ways they took, ``rewrites`` the flows whose
addresses or ports changed.
"""

from __future__ import annotations

from csumlab.copies.hops import PathSummary
from csumlab.copies.matching import Capped, Copies, may_have_copies
from csumlab.copies.rewrites import Rewrite

__all__ = ["Capped", "Copies", "PathSummary", "Rewrite", "may_have_copies"]
