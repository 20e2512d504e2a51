"""Checksums over fragments: a datagram is judged from partial sums of its pieces, and its bytes are never put together.

One's complement sums of pieces add: a piece starts at a multiple of 8 bytes (RFC 791 section 3.2, RFC 8200 section 4.5), so each of its
words weighs what it weighs in the whole. The CRC32c of a whole follows from the CRC32c of its parts. Of payload only the first HEAD bytes
of a datagram are kept, where its transport header is.

Pieces come in any order. An exact copy is ignored. Pieces that overlap in any other way spoil their datagram (RFC 5722, RFC 8200
section 4.5): receivers differ in which bytes win, so no sum of it is *the* sum. Every table has a cap.

A right outer sum over an unfilled inner one (Verdict.DEFERRED) is not looked for: Linux fills before it cuts (ip_do_fragment).

The work is done by kernels/pieces.py (one packet), kernels/assembling.py (a piece finds the others of its datagram) and
kernels/datagrams.py (the checksum of one that has ended). Here ``pieces`` and ``assembly`` hold their memory, ``wording`` makes words of
their numbers, ``datagrams`` has the results.
"""

from __future__ import annotations

from csumlab.fragments.assembly import Datagram, Outcome
from csumlab.fragments.datagrams import Alike, Amount, Datagrams

__all__ = ["Alike", "Amount", "Datagram", "Datagrams", "Outcome"]
