"""Where the dissector keeps what it finds, and where it looks up what a topology says: indices into two flat arrays of integers.

``work`` is a scratch of WORK_SIZE integers: a list, or an int64 array when compiled. Offsets in it count from the start of the packet.
Its first entries are the named ones below, then three tables: layers, sums, addresses.
"""

from __future__ import annotations

from typing import Final

from csumlab.headers import MAX_LAYERS, MAX_SUMS

N_LAYERS: Final = 0
N_SUMS: Final = 1
N_ADDRESSES: Final = 2
STOP: Final = 3
TRAILER: Final = 4
LONG: Final = 5
"""Bit 0: a super-frame. The bits above: pages of the frame, 0 if they are not asked for."""
PACKET_TYPE: Final = 6
SOURCE_MAC: Final = 7
DESTINATION_MAC: Final = 8
# How far the packet reaches. AVAILABLE: bytes before this offset can be read and belong to the layer at hand. BEYOND: why no byte after
# it can. EXTENT: where the layer at hand would end had nothing been cut.
AVAILABLE: Final = 9
BEYOND: Final = 10
EXTENT: Final = 11
# What the network layer at hand hands to its transport.
IP_VERSION: Final = 12
IP_END: Final = 13
IP_FRAGMENT: Final = 14
IP_SOURCE: Final = 15
IP_DESTINATION: Final = 16
IP_WHY: Final = 17
"""Why the addresses of the pseudo-header are not known."""

QUOTED: Final = 18
"""The first layer that an ICMP error quotes, MAX_LAYERS if none does."""
FRAME_END: Final = 19
"""Where the captured bytes end, without a frame check sequence that the capture is known to hold."""
PADDED: Final = 20
"""Bytes that an 802.11 header is padded to a multiple of."""

OCTETS: Final = 21
"""Bytes of the outermost IP packet times 256, and bytes that follow it in the frame (counted up to 255); 0 if the packet has MAX_OCTETS or
more, or nobody asks."""
MAX_OCTETS: Final = 256

LAYERS: Final = 22
LAYER_KIND: Final = 0
LAYER_OFFSET: Final = 1
LAYER_LENGTH: Final = 2
LAYER_SIZE: Final = 3

SUMS: Final = LAYERS + LAYER_SIZE * MAX_LAYERS
SUM_KIND: Final = 0
SUM_HEADER: Final = 1
SUM_AT: Final = 2
SUM_START: Final = 3
SUM_END: Final = 4
SUM_PSEUDO: Final = 5
SUM_FIELD: Final = 6
SUM_RESIDUE: Final = 7
SUM_SEED: Final = 8
SUM_WHY_RESIDUE: Final = 9
SUM_WHY_SEED: Final = 10
SUM_QUALITY_RESIDUE: Final = 11
SUM_QUALITY_SEED: Final = 12
SUM_QUALITY_SETTLED: Final = 13
SUM_FIELD_VALUE: Final = 14
SUM_ODD: Final = 15
SUM_VERDICT: Final = 16
SUM_SIZE: Final = 17

ADDRESSES: Final = SUMS + SUM_SIZE * MAX_SUMS
ADDRESS_HEADER: Final = 0
ADDRESS_SOURCE: Final = 1
ADDRESS_DESTINATION: Final = 2
ADDRESS_FRAGMENT: Final = 3
ADDRESS_PROTOCOL: Final = 4
ADDRESS_SOURCE_PORT: Final = 5
ADDRESS_DESTINATION_PORT: Final = 6
ADDRESS_TTL: Final = 7
ADDRESS_EXTENSIONS: Final = 8
ADDRESS_LENGTH: Final = 9
ADDRESS_DF: Final = 10
ADDRESS_SIZE: Final = 11

WORK_SIZE: Final = ADDRESSES + ADDRESS_SIZE * MAX_LAYERS

# The flat tables: see tables.Tables.flat.

TABLE_MTU: Final = 0
TABLE_UDP: Final = 1
TABLE_PORT: Final = 2
TABLE_MAC: Final = 3
TABLE_IPV4: Final = 4
TABLE_IPV6: Final = 5
TABLE_LENGTHS: Final = 6
TABLE_END: Final = 7
TABLE_PAGES: Final = 8
TABLE_OCTETS: Final = 9
"""Entries TABLE_UDP to TABLE_END are where each table starts; one ends where the next starts. TABLE_PAGES: 1 if pages are facts.
TABLE_OCTETS: 1 if the lengths of short packets are."""
