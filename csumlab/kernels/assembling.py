"""Pieces of datagrams as they come in: each is put with those of its datagram, until that ends. Numbers in, numbers out.

All memory is there before the first piece: slots for datagrams that are open and for complete ones that are remembered, parts for the
pieces that count, a hash table over both kinds of slots, and lists of each kind by age.
"""

from __future__ import annotations

from typing import Any, Final

from csumlab.kernels.datagrams import (
    ENDED_SIZE,
    HEAD,
    HEAD_ROOM,
    LATE_NOT,
    LATE_ROOM,
    LATE_TIME,
    PACKETS,
    PART_CRC,
    PART_CUT,
    PART_DIGEST,
    PART_END,
    PART_KEPT,
    PART_LAST,
    PART_NEXT,
    PART_RESIDUE,
    PART_SIZE,
    PART_START,
    SLOT_CHAIN,
    SLOT_COPIES,
    SLOT_DESTINATION,
    SLOT_DISORDER,
    SLOT_ECHO,
    SLOT_FIRST,
    SLOT_IDENTIFICATION,
    SLOT_KEY,
    SLOT_LAST,
    SLOT_LENGTH,
    SLOT_NEWER,
    SLOT_OLDER,
    SLOT_PACKETS,
    SLOT_PARTS,
    SLOT_PROTOCOL,
    SLOT_RECEIVED,
    SLOT_SINCE,
    SLOT_SIZE,
    SLOT_SOURCE,
    SLOT_SPOILED,
    SLOT_STATE,
    SLOT_VERSION,
    WHY_BEYOND_LAST,
    WHY_NO_BYTES,
    WHY_NO_MULTIPLE,
    WHY_OTHER_BYTES,
    WHY_OVERLAP,
    WHY_TOO_LONG,
    end_datagram,
)
from csumlab.kernels.pieces import (
    LONGEST,
    NOT_READ,
    PIECE_BEFORE,
    PIECE_CRC,
    PIECE_CUT,
    PIECE_DESTINATION,
    PIECE_DIGEST,
    PIECE_END,
    PIECE_HERE,
    PIECE_IDENTIFICATION,
    PIECE_KEY,
    PIECE_LAST,
    PIECE_PLACE,
    PIECE_PROTOCOL,
    PIECE_READ,
    PIECE_RESIDUE,
    PIECE_ROUTE_DESTINATION,
    PIECE_ROUTE_SOURCE,
    PIECE_SIZE,
    PIECE_SOURCE,
    PIECE_START,
    PIECE_VERSION,
)
from csumlab.kernels.primitives import load8, pointer, sum_words

FREE: Final = 0
OPEN: Final = 1
DONE: Final = 2
"""States of a slot."""

# The account: what goes on from call to call.
FREE_SLOT: Final = 0
FREE_PART: Final = 1
"""The first that was given back, -1 if there is none."""
OLDEST: Final = 0
NEWEST: Final = 1
NUMBER: Final = 2
OPEN_LIST: Final = 2
DONE_LIST: Final = 5
"""Oldest, newest and number of the open ones, and of the complete ones."""
HELD: Final = 8
"""Parts in use."""
TIMED_OUT: Final = 9
EVICTED: Final = 10
ECHOES: Final = 11
IGNORED: Final = 12
CAPPED: Final = 13
N_ENDED: Final = 14
"""How many have ended in this call."""
FRESH_SLOT: Final = 15
FRESH_PART: Final = 16
"""The first that was never used."""
ACCOUNT_SIZE: Final = 17


def list_of(state: int) -> int:
    """Where the list of slots in this state stands in the account."""
    return OPEN_LIST if state == OPEN else DONE_LIST


def find_slot(buckets: Any, mask: int, slots: Any, key: int, state: int) -> int:
    """The slot with this key in this state, -1 if there is none."""
    slot = buckets[key & mask]
    while slot >= 0 and (slots[slot + SLOT_KEY] != key or slots[slot + SLOT_STATE] != state):
        slot = slots[slot + SLOT_CHAIN]
    return int(slot)


def enlist(account: Any, slots: Any, slot: int, state: int) -> None:
    """The slot is the newest in this state."""
    place = list_of(state)
    newest = account[place + NEWEST]
    slots[slot + SLOT_STATE] = state
    slots[slot + SLOT_OLDER] = newest
    slots[slot + SLOT_NEWER] = -1
    if newest >= 0:
        slots[newest + SLOT_NEWER] = slot
    else:
        account[place + OLDEST] = slot
    account[place + NEWEST] = slot
    account[place + NUMBER] += 1


def delist(account: Any, slots: Any, slot: int) -> None:
    """The slot is no longer in its state."""
    place = list_of(slots[slot + SLOT_STATE])
    older = slots[slot + SLOT_OLDER]
    newer = slots[slot + SLOT_NEWER]
    if older >= 0:
        slots[older + SLOT_NEWER] = newer
    else:
        account[place + OLDEST] = newer
    if newer >= 0:
        slots[newer + SLOT_OLDER] = older
    else:
        account[place + NEWEST] = older
    account[place + NUMBER] -= 1


def open_slot(account: Any, buckets: Any, mask: int, slots: Any, key: int, since: int) -> int:
    """A free slot becomes that of a datagram of which the first piece came at ``since``."""
    slot = account[FREE_SLOT]
    if slot >= 0:
        account[FREE_SLOT] = slots[slot + SLOT_CHAIN]
    else:
        slot = account[FRESH_SLOT]
        account[FRESH_SLOT] += SLOT_SIZE
    slots[slot + SLOT_KEY] = key
    slots[slot + SLOT_CHAIN] = buckets[key & mask]
    buckets[key & mask] = slot
    slots[slot + SLOT_SINCE] = since
    slots[slot + SLOT_ECHO] = 1
    slots[slot + SLOT_FIRST] = slots[slot + SLOT_LAST] = slots[slot + SLOT_LENGTH] = -1
    for place in (SLOT_PARTS, SLOT_RECEIVED, SLOT_COPIES, SLOT_DISORDER, SLOT_SPOILED, SLOT_PACKETS):
        slots[slot + place] = 0
    enlist(account, slots, slot, OPEN)
    return int(slot)


def free_slot(account: Any, buckets: Any, mask: int, slots: Any, parts: Any, slot: int) -> None:
    """The slot and its parts are nobody's any more."""
    delist(account, slots, slot)
    bucket = slots[slot + SLOT_KEY] & mask
    before = buckets[bucket]
    if before == slot:
        buckets[bucket] = slots[slot + SLOT_CHAIN]
    else:
        while slots[before + SLOT_CHAIN] != slot:
            before = slots[before + SLOT_CHAIN]
        slots[before + SLOT_CHAIN] = slots[slot + SLOT_CHAIN]
    slots[slot + SLOT_STATE] = FREE
    slots[slot + SLOT_CHAIN] = account[FREE_SLOT]
    account[FREE_SLOT] = slot
    if slots[slot + SLOT_FIRST] >= 0:
        parts[slots[slot + SLOT_LAST] + PART_NEXT] = account[FREE_PART]
        account[FREE_PART] = slots[slot + SLOT_FIRST]
    account[HELD] -= slots[slot + SLOT_PARTS]


def is_complete(slots: Any, slot: int) -> bool:
    return bool(slots[slot + SLOT_RECEIVED] == slots[slot + SLOT_LENGTH] and slots[slot + SLOT_SPOILED] == 0)


def end_slot(account: Any, buckets: Any, mask: int, slots: Any, parts: Any, heads: Any, slot: int, late: int, at: int, ended: Any) -> bool:
    """No more is waited for, for the reason ``late``; whether that gave a datagram. A complete one keeps its slot and its parts."""
    complete = is_complete(slots, slot)
    if slots[slot + SLOT_ECHO] and not complete:
        account[ECHOES] += 1
        free_slot(account, buckets, mask, slots, parts, slot)
        return False
    end_datagram(slots, parts, heads, slot, late, at, ended, account[N_ENDED] * ENDED_SIZE)
    account[N_ENDED] += 1
    if complete:
        delist(account, slots, slot)
    else:
        free_slot(account, buckets, mask, slots, parts, slot)
    return True


def part_before(slots: Any, parts: Any, slot: int, start: int) -> int:
    """The last part that starts at ``start`` or before, -1 if there is none."""
    last = slots[slot + SLOT_LAST]
    if last < 0 or parts[last + PART_START] <= start:
        return int(last)
    before = -1
    part = slots[slot + SLOT_FIRST]
    while parts[part + PART_START] <= start:
        before = part
        part = parts[part + PART_NEXT]
    return before


def repeats(pieces: Any, piece: int, parts: Any, part: int) -> bool:
    """Whether a piece is an exact copy of a part, as far as both can be known."""
    if pieces[piece + PIECE_START] != parts[part + PART_START] or pieces[piece + PIECE_END] != parts[part + PART_END]:
        return False
    if pieces[piece + PIECE_LAST] != parts[part + PART_LAST]:
        return False
    if pieces[piece + PIECE_CUT] or parts[part + PART_CUT]:
        return True
    return bool(pieces[piece + PIECE_RESIDUE] == parts[part + PART_RESIDUE] and pieces[piece + PIECE_DIGEST] == parts[part + PART_DIGEST])


def contradiction(pieces: Any, piece: int, slots: Any, parts: Any, slot: int, before: int) -> int:
    """What is wrong with a piece beside those that are here, one of WHY_*; 0 if nothing is, and if it is a copy. ``before`` is the part
    that starts where it does or before."""
    start = pieces[piece + PIECE_START]
    end = pieces[piece + PIECE_END]
    last = pieces[piece + PIECE_LAST]
    if end == start:
        return WHY_NO_BYTES
    if (end - start) % 8 and not last:
        return WHY_NO_MULTIPLE
    if pieces[piece + PIECE_BEFORE] + end > LONGEST:
        return WHY_TOO_LONG
    after = slots[slot + SLOT_FIRST]
    if before >= 0:
        if repeats(pieces, piece, parts, before):
            return 0
        if parts[before + PART_START] == start and parts[before + PART_END] == end and parts[before + PART_LAST] == last:
            return WHY_OTHER_BYTES
        if parts[before + PART_END] > start:
            return WHY_OVERLAP
        after = parts[before + PART_NEXT]
    if after >= 0 and parts[after + PART_START] < end:
        return WHY_OVERLAP
    length = slots[slot + SLOT_LENGTH]
    if (length >= 0 and end > length) or (last and after >= 0):
        return WHY_BEYOND_LAST
    return 0


def write_part(data: Any, base: int, pieces: Any, piece: int, parts: Any, part: int, heads: Any, head: int) -> None:
    """A part becomes what a piece says, and what it has of the first bytes of the datagram is kept."""
    start = pieces[piece + PIECE_START]
    parts[part + PART_START] = start
    parts[part + PART_END] = pieces[piece + PIECE_END]
    parts[part + PART_LAST] = pieces[piece + PIECE_LAST]
    parts[part + PART_CUT] = pieces[piece + PIECE_CUT]
    parts[part + PART_RESIDUE] = pieces[piece + PIECE_RESIDUE]
    parts[part + PART_DIGEST] = pieces[piece + PIECE_DIGEST]
    parts[part + PART_CRC] = pieces[piece + PIECE_CRC]
    kept = max(min(pieces[piece + PIECE_HERE], HEAD - start), 0)
    parts[part + PART_KEPT] = kept
    place = base + pieces[piece + PIECE_PLACE]
    for index in range(kept):
        heads[head + start + index] = load8(data, place + index)


def describe_slot(data: Any, base: int, pieces: Any, piece: int, slots: Any, slot: int, heads: Any) -> None:
    """What a piece tells of its datagram."""
    slots[slot + SLOT_VERSION] = pieces[piece + PIECE_VERSION]
    slots[slot + SLOT_PROTOCOL] = pieces[piece + PIECE_PROTOCOL]
    slots[slot + SLOT_IDENTIFICATION] = pieces[piece + PIECE_IDENTIFICATION]
    size = 4 if pieces[piece + PIECE_VERSION] == 4 else 16
    place = base + pieces[piece + PIECE_ROUTE_SOURCE]
    slots[slot + SLOT_SOURCE] = sum_words(data, place, place + size)
    slots[slot + SLOT_DESTINATION] = NOT_READ
    if pieces[piece + PIECE_ROUTE_DESTINATION] != NOT_READ:
        place = base + pieces[piece + PIECE_ROUTE_DESTINATION]
        slots[slot + SLOT_DESTINATION] = sum_words(data, place, place + size)
    head = slot // SLOT_SIZE * HEAD_ROOM + HEAD
    for index in range(size):
        heads[head + index] = load8(data, base + pieces[piece + PIECE_SOURCE] + index)
        heads[head + 16 + index] = load8(data, base + pieces[piece + PIECE_DESTINATION] + index)


def accept_piece(
    data: Any, base: int, number: int, pieces: Any, piece: int, account: Any, slots: Any, parts: Any, heads: Any, slot: int, done: int
) -> None:
    """Take a piece in; ``done`` is the slot of the last complete datagram with this key, -1 if there is none."""
    start = pieces[piece + PIECE_START]
    if slots[slot + SLOT_PACKETS] < PACKETS:
        slots[slot + SLOT_PACKETS] += 1
        slots[slot + SLOT_PACKETS + slots[slot + SLOT_PACKETS]] = number
    if slots[slot + SLOT_ECHO]:
        known = part_before(slots, parts, done, start) if done >= 0 else -1
        if known < 0 or not repeats(pieces, piece, parts, known):
            slots[slot + SLOT_ECHO] = 0
    if slots[slot + SLOT_SPOILED]:
        return
    before = part_before(slots, parts, slot, start)
    spoiled = contradiction(pieces, piece, slots, parts, slot, before)
    slots[slot + SLOT_SPOILED] = spoiled
    if spoiled:
        return
    head = slot // SLOT_SIZE * HEAD_ROOM
    if before >= 0 and parts[before + PART_START] == start:
        slots[slot + SLOT_COPIES] += 1
        if parts[before + PART_CUT] and not pieces[piece + PIECE_CUT]:
            write_part(data, base, pieces, piece, parts, before, heads, head)
        return
    part = account[FREE_PART]
    if part >= 0:
        account[FREE_PART] = parts[part + PART_NEXT]
    else:
        part = account[FRESH_PART]
        account[FRESH_PART] += PART_SIZE
    account[HELD] += 1
    write_part(data, base, pieces, piece, parts, part, heads, head)
    after = parts[before + PART_NEXT] if before >= 0 else slots[slot + SLOT_FIRST]
    parts[part + PART_NEXT] = after
    if before >= 0:
        parts[before + PART_NEXT] = part
    else:
        slots[slot + SLOT_FIRST] = part
    if after >= 0:
        slots[slot + SLOT_DISORDER] = 1
    else:
        slots[slot + SLOT_LAST] = part
    slots[slot + SLOT_PARTS] += 1
    slots[slot + SLOT_RECEIVED] += pieces[piece + PIECE_END] - start
    if pieces[piece + PIECE_LAST]:
        slots[slot + SLOT_LENGTH] = pieces[piece + PIECE_END]
    if start == 0:
        describe_slot(data, base, pieces, piece, slots, slot, heads)


def make_room(account: Any, buckets: Any, mask: int, slots: Any, parts: Any, heads: Any, most_parts: int, at: int, ended: Any) -> None:
    """Complete datagrams are forgotten before open ones are ended."""
    account[CAPPED] = 1
    if account[HELD] > most_parts and account[DONE_LIST + NUMBER]:
        free_slot(account, buckets, mask, slots, parts, account[DONE_LIST + OLDEST])
    elif end_slot(account, buckets, mask, slots, parts, heads, account[OPEN_LIST + OLDEST], LATE_ROOM, at, ended):
        account[EVICTED] += 1


def expire(account: Any, buckets: Any, mask: int, slots: Any, parts: Any, heads: Any, now: int, span: int, at: int, ended: Any) -> None:
    """End and forget what is too old."""
    slot = account[OPEN_LIST + OLDEST]
    while slot >= 0 and now - slots[slot + SLOT_SINCE] > span:
        if end_slot(account, buckets, mask, slots, parts, heads, slot, LATE_TIME, at, ended):
            account[TIMED_OUT] += 1
        slot = account[OPEN_LIST + OLDEST]
    slot = account[DONE_LIST + OLDEST]
    while slot >= 0 and now - slots[slot + SLOT_SINCE] > span:
        free_slot(account, buckets, mask, slots, parts, slot)
        slot = account[DONE_LIST + OLDEST]


def assemble(
    data: Any,
    offset: Any,
    timestamps: Any,
    first: int,
    rows: Any,
    pieces: Any,
    begin: int,
    span: int,
    most: int,
    most_parts: int,
    account: Any,
    buckets: Any,
    slots: Any,
    parts: Any,
    heads: Any,
    ended: Any,
) -> int:
    """Take in the pieces from ``begin`` on; up to which it came. It stops where ``ended``, which has room for all open datagrams and two
    more, may not hold what ends next."""
    octets = pointer(data)
    columns = pointer(pieces)
    books = pointer(account)
    table = pointer(buckets)
    mask = len(buckets) - 1
    places = pointer(slots)
    pool = pointer(parts)
    kept = pointer(heads)
    told = pointer(ended)
    room = len(ended) // ENDED_SIZE
    books[N_ENDED] = 0
    for index in range(begin, len(rows)):
        if room - books[N_ENDED] < books[OPEN_LIST + NUMBER] + 2:
            return index
        piece = index * PIECE_SIZE
        if not columns[piece + PIECE_READ]:
            books[IGNORED] += 1
            continue
        row = rows[index]
        now = timestamps[row]
        expire(books, table, mask, places, pool, kept, now, span, index, told)
        key = columns[piece + PIECE_KEY]
        slot = find_slot(table, mask, places, key, OPEN)
        if slot >= 0 and abs(now - places[slot + SLOT_SINCE]) > span:
            # The oldest by number is not always the oldest by time: capture time may go back.
            if end_slot(books, table, mask, places, pool, kept, slot, LATE_TIME, index, told):
                books[TIMED_OUT] += 1
            slot = -1
        if slot < 0:
            if books[OPEN_LIST + NUMBER] >= most:
                make_room(books, table, mask, places, pool, kept, most_parts, index, told)
            slot = open_slot(books, table, mask, places, key, now)
            describe_slot(octets, offset[row], columns, piece, places, slot, kept)
        done = find_slot(table, mask, places, key, DONE)
        accept_piece(octets, offset[row], first + row, columns, piece, books, places, pool, kept, slot, done)
        if is_complete(places, slot):
            if done >= 0:
                free_slot(books, table, mask, places, pool, done)
            end_slot(books, table, mask, places, pool, kept, slot, LATE_NOT, index, told)
            if books[DONE_LIST + NUMBER] >= most:
                books[CAPPED] = 1
                free_slot(books, table, mask, places, pool, books[DONE_LIST + OLDEST])
            places[slot + SLOT_SINCE] = now
            enlist(books, places, slot, DONE)
        while books[HELD] > most_parts:
            make_room(books, table, mask, places, pool, kept, most_parts, index, told)
    return len(rows)


def end_all(account: Any, buckets: Any, slots: Any, parts: Any, heads: Any, ended: Any) -> None:
    """End all that are open and forget the complete ones: nothing more comes."""
    books = pointer(account)
    table = pointer(buckets)
    mask = len(buckets) - 1
    places = pointer(slots)
    pool = pointer(parts)
    kept = pointer(heads)
    told = pointer(ended)
    books[N_ENDED] = 0
    while books[OPEN_LIST + NUMBER]:
        end_slot(books, table, mask, places, pool, kept, books[OPEN_LIST + OLDEST], LATE_NOT, -1, told)
    while books[DONE_LIST + NUMBER]:
        free_slot(books, table, mask, places, pool, books[DONE_LIST + OLDEST])
