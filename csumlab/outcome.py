"""One class judged: every reading of it, what the judge says of each, and what damage would do on its way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from csumlab.classes import Made, originated
from csumlab.exposure import expose
from csumlab.facts import Facts
from csumlab.forms import Form
from csumlab.interpreting import Packet
from csumlab.judge import Judgement, judge
from csumlab.sources import Reading, Tap, read, walker
from csumlab.symbolic.packet import SymbolicPacket
from csumlab.symbolic.sums import Undecided
from csumlab.topology.model import Topology
from csumlab.trace import Trace
from csumlab.walking.places import Undetermined

FIRST_KEPT = 8
UNHARMED = (Made.RIGHT, Made.REFUSAL, Made.FINISHED, Made.CUT)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one class, or one part of a split class, comes to: the readings that fit, and per reading what the judge said. ``answers`` are
    what its packets answered to the questions that the class leaves open."""

    facts: Facts
    readings: tuple[Reading, ...]
    judged: tuple[tuple[Judgement, ...], ...]
    misfits: tuple[str, ...]
    untold: str = ""
    answers: Mapping[Form, bool] = field(default_factory=dict)


@dataclass(slots=True)
class Leaf:
    """Counters of one outcome."""

    outcome: Outcome
    count: int = 0
    first: list[int] = field(default_factory=list)

    def add(self, packets: list[int], count: int) -> None:
        self.count += count
        self.first.extend(packets[: FIRST_KEPT - len(self.first)])


@dataclass(frozen=True)
class Settings:
    """How to replay."""

    topology: Topology
    tap: Tap
    assume: str = ""
    exposure: bool = False


def evaluate(facts: Facts, settings: Settings, answers: Mapping[Form, bool]) -> Outcome:
    """Walk and judge one class. Raises Undecided where the class does not decide and ``answers`` do not say."""
    found = read(facts, settings.topology, settings.tap, settings.assume, answers)
    judged = []
    for reading in found.fitting:
        verdicts = list(judge(reading.trace))
        if reading.origin.made in UNHARMED:
            verdicts += exposures(facts, settings, reading, answers)
        judged.append(tuple(verdicts))
    return Outcome(facts, found.fitting, tuple(judged), found.misfits, found.untold, answers)


def exposures(facts: Facts, settings: Settings, reading: Reading, answers: Mapping[Form, bool]) -> list[Judgement]:
    """What damage would do on the way of a reading."""
    plain = again(facts, settings.topology, reading, answers, None)
    if plain is None:
        return []
    found = expose(plain, lambda number: again(facts, settings.topology, reading, answers, number), settings.exposure)
    # What was seen of the packet may end its way earlier than the way of one of which nothing was seen: behind that nothing is known.
    reached = len(reading.trace.hops)
    return [one for one in found if max(one.hop, one.segment) < reached]


def again(facts: Facts, topology: Topology, reading: Reading, answers: Mapping[Form, bool], number: int | None) -> Trace | None:
    """The way of a reading once more from its origin, not observed, with damage put in before hop ``number``."""
    origin = reading.origin
    domain = topology.domains[origin.domain.name]
    packet = originated(facts, origin.headers, origin.made, domain.outside, answers)
    again = walker(topology, origin, reading.trace.chosen or {})

    def inject(hop: int, present: Packet) -> Packet:
        return present.damage() if hop == number and isinstance(present, SymbolicPacket) else present

    again.inject = inject
    try:
        return again.run(domain, packet)
    except (Undecided, Undetermined):
        return None
