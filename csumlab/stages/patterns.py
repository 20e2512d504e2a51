"""Patterns over the carried state of Linux that tables of many stages ask for."""

from __future__ import annotations

from csumlab.stage import when
from csumlab.state import Skb, Summed

NONE, UNNECESSARY, COMPLETE, PARTIAL = Summed.NONE, Summed.UNNECESSARY, Summed.COMPLETE, Summed.PARTIAL
OWED = when(Skb, summed=PARTIAL)
"""A sum is left for somebody on the way to fill."""
FINISHED = when(Skb, summed=(NONE, UNNECESSARY, COMPLETE))
"""No sum is."""
