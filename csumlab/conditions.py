"""What a row of a stage asks of the packet and its place: predicates from one closed vocabulary."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from csumlab.behaviours import LONGEST, Measure, Measured
from csumlab.headers import Kind, Layer
from csumlab.operations import Selector


class Test(Enum):
    """The closed vocabulary of predicates; the value is how a person reads it, ``{}`` the argument."""

    __test__ = False  # not a test case for pytest

    FEATURE = "{} is on"
    KNOB = "{} is set"
    CARRIES = "it carries {}"
    AIMED_AT_TRANSPORT = "aimed at the outer transport header"
    AIMED_AT = "aimed at {}"
    IP_VERSION = "IPv{}"
    OUTER_VERSION = "IPv{} outermost"
    TAGGED = "VLAN tag inside the frame"
    STACKED = "two VLAN tags inside the frame"
    ENCAPSULATED = "marked as encapsulated"
    FRAGMENT = "fragment"
    EXTENSIONS = "IPv6 extension headers"
    TTL_EXPIRES = "TTL or hop limit used up"
    LONG = "longer than the MTU"
    SEGMENTED = "one of several segments"
    EXCEEDS = "longer than the MTU of the way out"
    PIECE_EXCEEDS = "its longest fragment is longer than the MTU of the way out"
    REASSEMBLED = "it came in fragments"
    LISTED = "it, or what it was in, came in fragments"
    DONT_FRAGMENT = "DF is set"
    BUNDLED = "several datagrams in one"
    UNDIVIDED = "one datagram, left whole to be cut into fragments"
    INSIDE = "{} inside the tunnel"
    TRAILER = "bytes follow the IP packet"
    ODD_LENGTH = "the IP packet is of odd length"
    INVALID = "marked INVALID"
    REMOTE = "the tunnel's header leaves the inner sum to this end"
    QUOTES = "it quotes another packet"
    SHORT_QUOTE = "it quotes TCP, but not as far as the sum"
    SPOILT_QUOTE = "it quotes an IPv4 header with a wrong sum"
    EDITS = "something is edited"
    EDITS_TRANSPORT = "a port or what follows it is edited"
    FOR_DESTINATIONS = "translated by a rule for destinations (DNAT)"
    ODD_OPTION = "the TCP option that is edited lies at an odd place"
    CAME_MARKED = "the outer IP header that was taken off is marked {}"
    ECN = "the IP header is marked {}"
    MORE_SLOTS = "more ring slots than are {}"
    RIGHT = "{} is right"
    EXACT = "{} is to the bit what computing it gives"
    ABSENT = "{} is 0: none"
    PASSES = "{} is right, or there is none"
    AGREES = "{} is right by the sum that is carried"
    FILLS_TO_ZERO = "the fill of {} gives 0"
    TUNNEL = "an IP packet inside the IP packet"
    HEADED = "{} inside the frame"
    TO_PORT = "UDP to port {}"
    LENGTH = "of a length that is said of {}"
    MEASURED = "{}, of the outer transport sum"


@dataclass(frozen=True, slots=True)
class Given:
    """One predicate, possibly negated with ``~``."""

    test: Test
    argument: Any = None
    negated: bool = False

    def __invert__(self) -> Given:
        return replace(self, negated=not self.negated)

    def __str__(self) -> str:
        argument = self.argument
        if isinstance(argument, Selector):
            argument = argument.value
        elif isinstance(argument, tuple):
            argument = " or ".join(kind.name if isinstance(kind, Kind | Layer) else str(kind) for kind in argument)
        text = self.test.value.format(argument)
        return f"not ({text})" if self.negated else text


def feature(name: str) -> Given:
    """An effective ethtool feature of the port the stage stands at."""
    return Given(Test.FEATURE, name)


def knob(name: str) -> Given:
    """A sysctl, a xenstore key or a tunnel option."""
    return Given(Test.KNOB, name)


def carries(*kinds: Kind) -> Given:
    return Given(Test.CARRIES, kinds)


def aimed_at(*kinds: Kind) -> Given:
    """csum_start points at a header of one of these kinds."""
    return Given(Test.AIMED_AT, kinds)


def headed(*layers: Layer) -> Given:
    """The first header inside the frame, VLAN tags apart, is one of these."""
    return Given(Test.HEADED, layers)


def inside(*kinds: Kind) -> Given:
    """The first checksum inside a tunnel is of one of these kinds, and not a fragment's."""
    return Given(Test.INSIDE, kinds)


def version(number: int) -> Given:
    return Given(Test.IP_VERSION, number)


def outer_version(number: int) -> Given:
    """Of the outermost IP header, wherever csum_start points."""
    return Given(Test.OUTER_VERSION, number)


def right(target: Selector) -> Given:
    """A real check: the sum is verified over the bytes."""
    return Given(Test.RIGHT, target)


def wrong(target: Selector) -> Given:
    """A real check with the other outcome."""
    return Given(Test.RIGHT, target, negated=True)


def came_marked(word: str) -> Given:
    """The ECN bits of the outer IP header of the tunnel's packet that this one came in, by the words of ``ECN``."""
    return Given(Test.CAME_MARKED, word)


def is_marked(word: str) -> Given:
    """Those of the outermost IP header."""
    return Given(Test.ECN, word)


def inexact(target: Selector) -> Given:
    """A check that compares the field with what computing it anew gives, with the outcome that they differ: so do 0x0000 and 0xffff."""
    return Given(Test.EXACT, target, negated=True)


def more_slots(limit: str) -> Given:
    """More slots of a Xen ring than a limit of the setting."""
    return Given(Test.MORE_SLOTS, limit)


def absent(target: Selector) -> Given:
    return Given(Test.ABSENT, target)


def passes(target: Selector) -> Given:
    """A real check that lets pass what has no such sum."""
    return Given(Test.PASSES, target)


def agrees(target: Selector) -> Given:
    """The sum that travels beside the packet says that this one is right: its bytes are not looked at."""
    return Given(Test.AGREES, target)


def fills_to_zero(target: Selector) -> Given:
    return Given(Test.FILLS_TO_ZERO, target)


def to_port(number: int) -> Given:
    """A datagram to this port, which has to be one that the topology tells from others (cards.ports)."""
    return Given(Test.TO_PORT, number)


def of_length(*behaviours: str) -> Given:
    """One of these behaviours of the device is said of frames of this length."""
    return Given(Test.LENGTH, behaviours)


def measured(measure: Measure, low: int, high: int = LONGEST) -> Given:
    """So many bytes, counted for the outer transport sum."""
    return Given(Test.MEASURED, Measured(measure, low, high))


AIMED_AT_TRANSPORT = Given(Test.AIMED_AT_TRANSPORT)
TAGGED = Given(Test.TAGGED)
STACKED = Given(Test.STACKED)
ENCAPSULATED = Given(Test.ENCAPSULATED)
FRAGMENT = Given(Test.FRAGMENT)
EXTENSIONS = Given(Test.EXTENSIONS)
TTL_EXPIRES = Given(Test.TTL_EXPIRES)
LONG = Given(Test.LONG)
SEGMENTED = Given(Test.SEGMENTED)
EXCEEDS = Given(Test.EXCEEDS)
PIECE_EXCEEDS = Given(Test.PIECE_EXCEEDS)
REASSEMBLED = Given(Test.REASSEMBLED)
LISTED = Given(Test.LISTED)
DONT_FRAGMENT = Given(Test.DONT_FRAGMENT)
BUNDLED = Given(Test.BUNDLED)
UNDIVIDED = Given(Test.UNDIVIDED)
TRAILER = Given(Test.TRAILER)
ODD_LENGTH = Given(Test.ODD_LENGTH)
INVALID = Given(Test.INVALID)
REMOTE = Given(Test.REMOTE)
QUOTES = Given(Test.QUOTES)
SHORT_QUOTE = Given(Test.SHORT_QUOTE)
SPOILT_QUOTE = Given(Test.SPOILT_QUOTE)
EDITS = Given(Test.EDITS)
EDITS_TRANSPORT = Given(Test.EDITS_TRANSPORT)
FOR_DESTINATIONS = Given(Test.FOR_DESTINATIONS)
ODD_OPTION = Given(Test.ODD_OPTION)
TUNNEL = Given(Test.TUNNEL)
ABSENT_TRANSPORT = absent(Selector.TRANSPORT)
