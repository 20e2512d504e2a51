"""Cards that are bad at some lengths: how long a frame is, and where its parts lie."""

from __future__ import annotations

import frames
import hosts
import numpy as np
import pytest
import walks

from csumlab.behaviours import LONGEST, Measure, Measured
from csumlab.cards import lengths
from csumlab.classes import headers_of, numbers, observed
from csumlab.dissection import dissect_packet
from csumlab.forms import Form
from csumlab.headers import Layer
from csumlab.index import Index
from csumlab.symbolic.sums import Undecided, Untold
from csumlab.topology.load import TopologyError, parse_topology


@pytest.mark.parametrize(
    ("card", "hint"),
    [
        ("tx-sums-padding:59-55", "not of the form tx-sums-padding:LOW-HIGH"),
        ("tx-sums-padding:short", "not of the form tx-sums-padding:LOW-HIGH"),
        ("tx-unfilled:5-6", "it is of frames of every length"),
    ],
)
def test_numbers_behind_a_word_are_two(card: str, hint: str) -> None:
    """What stands behind a colon is a range of bytes, and only behind words that are about lengths."""
    with pytest.raises(TopologyError) as error:
        parse_topology(hosts.CARD.replace("CARD", card).replace("TRACKS", "false"))
    assert hint in str(error.value)


def test_a_range_replaces_the_usual_one() -> None:
    """A card's own numbers, open at the end or not, are those that its rows go by."""
    found = lengths("genet-5.6 tx-start-limit:64-")
    assert [(name, of.low, of.high) for name, of in found.items()] == [("tx-sums-padding", 55, 59), ("tx-start-limit", 64, LONGEST)]


def test_a_class_is_split_where_options_say_how_far_a_sum_starts() -> None:
    """How long IPv4 options are is no fact of a class: where the answer hangs on it each packet is asked. What the walk has put on before
    them has a length that is known."""
    frame = frames.ethernet(frames.ipv4(frames.udp(b"q"), options=bytes(4)))
    facts = dissect_packet(frame.data, 1).facts
    topology = walks.hosts_of("linux-6.1")["bridge"]
    columns = Index(topology.tables, accelerate=False).columns(frames.block_of([frame.data]), np.array([0]))
    uid = next(header.uid for header in headers_of(facts, topology) if header.consumes)

    def told(said: Measured, tags: int) -> bool:
        answers: dict[Form, bool] = {}
        while True:
            packet = observed(facts, headers_of(facts, topology), answers)
            try:
                return packet.wrap((Layer.VLAN,) * tags).is_of(said, uid)
            except Undecided as question:
                answers[question.form] = bool(numbers(question.form, columns)[0][0] == 0)

    assert observed(facts, headers_of(facts, topology), {}).is_of(Measured(Measure.START, 30, 90), uid)
    for tags, start in ((0, 38), (1, 42), (2, 46)):
        bounds = [(start, start), (start - 1, LONGEST), (start + 1, LONGEST), (start - 2, start - 1)]
        assert [told(Measured(Measure.START, low, high), tags) for low, high in bounds] == [True, True, False, False]
        assert told(Measured(Measure.REACH, start + 8, start + 8), tags)


def test_what_was_put_on_may_leave_open_where_a_sum_starts() -> None:
    """A header of unknown length that was not captured: the walk says that it cannot tell."""
    facts = dissect_packet(frames.ethernet(frames.ipv4(frames.udp(b"q"))).data, 1).facts
    packet = observed(facts, headers_of(facts, walks.hosts_of("linux-6.1")["bridge"]), {}).wrap((Layer.EXTENSION,))
    uid = next(header.uid for header in packet.headers if header.consumes)
    with pytest.raises(Untold, match="how many bytes before csum_start"):
        packet.is_of(Measured(Measure.START, 60, 90), uid)
