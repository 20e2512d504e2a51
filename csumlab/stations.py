"""Which hardware addresses talk to which in a capture, and with which IP addresses: collected while it is read for something else.

A hardware address stands for a card, and so for one host, however many IP addresses it sends. Of a router it also sends those of
everybody behind it; their TTL shows that. Where there are no hardware addresses each IP address stands for itself. Memory is bounded.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from ipaddress import ip_address
from typing import Final

import numpy as np

from csumlab.evidence import passed_router
from csumlab.facts import Facts
from csumlab.fingerprints import address_text, outer_headers
from csumlab.headers import Kind, Layer, Verdict
from csumlab.index import Membership

MOST: Final = 4096
"""Pairs of senders and receivers that are told apart."""
_MAC_BITS: Final = np.uint64(0xFFFFFFFFFFFF)
_GROUP_BIT: Final = 1 << 40
"""Of a hardware address of a group, in the first byte."""


@dataclass(frozen=True, slots=True)
class Ends:
    """Packets of one kind: from and to which station ("" if that is a group) and IP address; whether their TTL shows a router, whether
    a sum of theirs is unfinished, whether all that a card could have been left are finished; whether a CRC of SCTP is owed, which only
    veth pairs and few cards take; whether they are longer than the wire takes and finished, so merged on the way in; whether the sum of
    an IPv4 header is left to a card, as Windows' stack does."""

    sender: str
    receiver: str
    source: str
    destination: str
    forwarded: bool
    unfinished: bool
    finished: bool
    crc: bool
    merged: bool
    headless: bool

    @classmethod
    def told(cls, facts: Facts) -> tuple[bool, bool, bool, bool, bool]:
        """The last five, which are the same for all packets of a class."""
        verdicts = {one.verdict for one in facts.sums if one.kind in (Kind.TCP, Kind.UDP)}
        crc = any(one.kind is Kind.SCTP and one.verdict is Verdict.BLANK for one in facts.sums)
        unfinished = crc or Verdict.PARTIAL in verdicts
        merged = facts.long and not unfinished
        headless = not merged and any(one.kind is Kind.IPV4 and one.verdict is Verdict.BLANK for one in facts.sums)
        return unfinished, verdicts == {Verdict.GOOD}, crc, merged, headless


@dataclass
class Stations:
    """``see`` what a reader of the capture sees, then ``finish``."""

    _seen: dict[Ends, None] = field(default_factory=dict)
    _capped: bool = False
    _told: list[tuple[bool, bool, bool, bool, bool]] = field(default_factory=list)
    _layers: dict[Layer, None] = field(default_factory=dict)
    _framed: list[bool] = field(default_factory=list)

    def see(self, membership: Membership, fresh: Sequence[Facts]) -> None:
        """Take in a block; ``fresh`` are the facts of classes not seen before, in their order."""
        for facts in fresh:
            self._told.append(Ends.told(facts))
            self._layers |= dict.fromkeys(facts.layers)
            self._framed.append(facts.layers[:1] == (Layer.ETHERNET,))
        block = membership.block
        if not len(block) or not self._framed:
            return
        outer = outer_headers(block, membership.network)
        of_class = membership.class_of[outer.rows]
        # What is past the bound of classes, -1, says nothing.
        framed = np.array([*self._framed, False])[of_class]
        start, end = block.offset[outer.rows], block.offset[outer.rows] + block.captured[outer.rows]
        columns = (
            np.where(framed, outer.words.load(start + 6, end) & _MAC_BITS, 0),
            np.where(framed, outer.words.load(start, end) & _MAC_BITS, 0),
            *outer.source,
            *outer.destination,
            outer.six,
            framed,
            passed_router(outer.ttl),
            *np.array([*self._told, (False,) * 5])[of_class].T,
        )
        keys = np.column_stack([np.asarray(column).astype(np.uint64) for column in columns])[of_class >= 0]
        if not len(keys):
            return
        found, first = np.unique(keys, axis=0, return_index=True)
        for key in found[np.argsort(first)].tolist():
            ends = _ends(key)
            if ends is None or ends in self._seen:
                continue
            if len(self._seen) >= MOST:
                self._capped = True
                return
            self._seen[ends] = None

    def finish(self) -> Neighbourhood:
        """What was seen so far."""
        return Neighbourhood(tuple(self._seen), tuple(self._layers), self._capped)


@dataclass(frozen=True)
class Neighbourhood:
    """What the packets of a capture say of who is there, and the ``layers`` in them. ``capped``: not all of them were looked at."""

    ends: tuple[Ends, ...]
    layers: tuple[Layer, ...] = ()
    capped: bool = False

    @cached_property
    def unfinished(self) -> tuple[str, ...]:
        """Stations that send unfinished sums."""
        return tuple(dict.fromkeys(one.sender for one in self.ends if one.unfinished))

    @cached_property
    def crc(self) -> frozenset[str]:
        """Stations that leave the CRC of SCTP to their card."""
        return frozenset(one.sender for one in self.ends if one.crc)

    @cached_property
    def headless(self) -> frozenset[str]:
        """Stations that leave the sums of IPv4 headers to their card, as Windows' stack does."""
        return frozenset(one.sender for one in self.ends if one.headless)

    @cached_property
    def own(self) -> Mapping[str, tuple[str, ...]]:
        """The addresses of each station: those from which it sends packets that passed no router, and leaves sums to its card if it
        leaves any of that IP version; of one that sends none what others send to it."""
        leaving = {(one.sender, ":" in one.source) for one in self.ends if one.unfinished}
        unfinished = {one.source for one in self.ends if one.unfinished}
        # One kernel leaves all sums to its card or none.
        foreign = {
            (one.sender, one.source)
            for one in self.ends
            if one.finished and one.source not in unfinished and (one.sender, ":" in one.source) in leaving
        }
        found: dict[str, dict[str, None]] = defaultdict(dict)
        taken: set[str] = set()

        def take(pairs: Iterable[tuple[str, str]]) -> None:
            for station, address in pairs:
                if address not in taken and _is_of_one(address):
                    taken.add(address)
                    found[station][address] = None

        take(pair for one in self.ends if not one.forwarded and (pair := (one.sender, one.source)) not in foreign)
        sending = {one.sender for one in self.ends}
        take((one.receiver, one.destination) for one in self.ends if one.receiver and one.receiver not in sending)
        return {station: tuple(addresses) for station, addresses in found.items()}

    @cached_property
    def behind(self) -> Mapping[str, tuple[str, ...]]:
        """Addresses that a station forwards for, or to: it is a router, and which of them are its own cannot be told."""
        owned = {address for addresses in self.own.values() for address in addresses}
        found: dict[str, dict[str, None]] = defaultdict(dict)
        for station, address in (pair for one in self.ends for pair in ((one.sender, one.source), (one.receiver, one.destination))):
            if station and address not in owned and _is_of_one(address):
                found[station][address] = None
        return {station: tuple(addresses) for station, addresses in found.items()}

    @cached_property
    def local(self) -> tuple[str, ...]:
        """Stations of which one is an end of every packet that goes from one to one: those that send unfinished sums, and as few others
        as explain the rest, rather such as did not send what was merged on the way in and are no routers."""
        merged = {one.sender for one in self.ends if one.merged}
        # In the order of the capture: of two that rank alike the first is taken, whatever a set's order is.
        pairs = dict.fromkeys((one.sender, one.receiver) for one in self.ends if one.receiver)
        chosen = dict.fromkeys(self.unfinished)
        left = [pair for pair in pairs if not set(pair) & chosen.keys()]
        while left:
            score = Counter(station for pair in left for station in dict.fromkeys(pair))

            def rank(station: str, score: Counter[str] = score) -> tuple[bool, int, int, int]:
                return station in merged, len(self.behind.get(station, ())), -score[station], self._first(station)

            best = min(score, key=rank)
            chosen[best] = None
            left = [pair for pair in left if best not in pair]
        return tuple(sorted(chosen, key=self._first))

    def _first(self, station: str) -> int:
        return next(number for number, one in enumerate(self.ends) if station in (one.sender, one.receiver))

    def between(self, stations: Iterable[str]) -> Iterator[str]:
        """Those of the stations of which each is an end of every packet."""
        for station in stations:
            if all(station in (one.sender, one.receiver) for one in self.ends if one.receiver):
                yield station


def _ends(key: list[int]) -> Ends | None:
    """None for what came from a group or from nowhere."""
    sender, receiver, first, second, third, fourth, six, framed, forwarded, *told = key
    source, destination = address_text(first, second, bool(six)), address_text(third, fourth, bool(six))
    from_mac, to_mac = (int.from_bytes(number.to_bytes(6, "little")) for number in (sender, receiver))
    if (framed and from_mac & _GROUP_BIT) or not _is_of_one(source):
        return None
    to = "" if (to_mac & _GROUP_BIT if framed else not _is_of_one(destination)) else mac_text(to_mac) if framed else destination
    return Ends(mac_text(from_mac) if framed else source, to, source, destination, bool(forwarded), *map(bool, told))


def mac_text(number: int) -> str:
    return number.to_bytes(6, "big").hex(":")


def _is_of_one(text: str) -> bool:
    """Whether an address stands for one host: no group, not "any", not IPv4's broadcast."""
    address = ip_address(text)
    return not (address.is_multicast or address.is_unspecified or text == "255.255.255.255")
