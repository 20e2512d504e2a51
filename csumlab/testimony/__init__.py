"""TCP's own testimony about segments whose sum is not good: was it acknowledged, is there a twin, where do the twins differ.

``flows`` watches and follows, ``segments`` reads one segment, ``watching`` keeps what is known of a watched one, ``twins`` compares two,
``statements`` puts the result into words.
"""

from __future__ import annotations

from csumlab.testimony.flows import Capped, Testimony
from csumlab.testimony.statements import Statement

__all__ = ["Capped", "Statement", "Testimony"]
