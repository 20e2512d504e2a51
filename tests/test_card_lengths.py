"""Cards that are bad at some lengths: how long a frame is, and where its parts lie."""

from __future__ import annotations

import frames
import hosts
import pytest
import walks

from csumlab.behaviours import LONGEST, Measure, Measured
from csumlab.cards import lengths
from csumlab.classes import headers_of, observed
from csumlab.dissection import dissect_packet
from csumlab.symbolic.sums import Untold
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


def test_options_leave_open_where_a_sum_starts() -> None:
    """How long IPv4 options are is no fact of a class: where the answer hangs on it the walk says so."""
    facts = dissect_packet(frames.ethernet(frames.ipv4(frames.udp(b"q"), options=bytes(4))).data, 1).facts
    packet = observed(facts, headers_of(facts, walks.hosts_of("linux-6.1")["bridge"]), {})
    uid = next(header.uid for header in packet.headers if header.consumes)
    assert packet.is_of(Measured(Measure.START, 30, 90), uid)
    with pytest.raises(Untold, match="how many bytes before csum_start"):
        packet.is_of(Measured(Measure.START, 40, 90), uid)
