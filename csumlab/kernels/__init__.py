"""The one dissector: from a packet's bytes to the numbers that its :class:`~csumlab.facts.Facts` are made of.

Plain loops over integers in the part of Python that numba compiles, so that one text is both the readable definition and
the fast path. ``accelerate.py`` makes compiled clones of all functions here, in which only the primitives are exchanged.
Nothing here raises for any bytes: what cannot be known is written down with its :class:`~csumlab.headers.Reason`.

Read ``packet.dissect`` first; ``layout`` says what it fills. Names are unique over all modules of this package, because the clones
share one namespace.
"""

from __future__ import annotations
