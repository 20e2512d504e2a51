"""Real captures: no crash, and every class of difference between csumlab and tshark is one that has a reason."""

from __future__ import annotations

from contextlib import suppress

import live_tshark
import pytest
from corpus_agreement import (
    ENOUGH,
    EXPLAINED,
    EXPLAINED_LIVE,
    LABELLED,
    Agreement,
    Side,
    captures,
    explanation,
    lines,
    measure,
    measure_live,
)

from csumlab.capture import open_capture
from csumlab.capture.block import CaptureError
from csumlab.headers import Kind
from csumlab.index import Index

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(not captures(), reason="the corpus of labelled captures (../shared/corpus) is not there"),
]
WITH_TSHARK = [pytest.mark.needs_program, pytest.mark.skipif(not live_tshark.HERE, reason=live_tshark.MISSING)]
UNREAD = {Kind.IPV4: 4, Kind.TCP: 11, Kind.UDP: 1}
"""Checksums that tshark verifies and csumlab does not: behind IPComp, and behind more headers than csumlab looks at."""


@pytest.fixture(scope="module", params=["labels", pytest.param("installed tshark", marks=WITH_TSHARK)])
def which(request: pytest.FixtureRequest) -> tuple[bool, Agreement]:
    """Whether it is beside the labels, and the agreement."""
    labelled = request.param == "labels"
    return labelled, measure() if labelled else measure_live()


def test_every_difference_has_a_reason(which: tuple[bool, Agreement]) -> None:
    """No verdict differs from tshark's, and no checksum is missed, without an entry in the table."""
    labelled, agreement = which
    unexplained = {one: agreement.examples[one][:3] for one in agreement.differences if not explanation(one, labelled)}
    assert unexplained == {}


def test_every_reason_is_needed(which: tuple[bool, Agreement]) -> None:
    """A reason that no longer has a case, for each of its kinds, must go."""
    labelled, agreement = which
    if not labelled and not live_tshark.version().startswith("4.0."):
        pytest.skip("the table was made with tshark 4.0; another version may have fewer differences")
    found = {(explanation(one, labelled), one.kind) for one in agreement.differences}
    table = EXPLAINED if labelled else (*EXPLAINED, *EXPLAINED_LIVE)
    assert {(entry, kind) for entry in table for kind in entry.kinds} <= found


def test_good_and_bad_are_never_exchanged(which: tuple[bool, Agreement]) -> None:
    """Nothing that tshark verifies is bad here, and nothing that it rejects is good."""
    _, agreement = which
    assert not [one for one in agreement.differences if (one.ours, one.theirs) in (("GOOD", "B"), ("BAD", "G"))]


def test_what_is_not_read_is_counted(which: tuple[bool, Agreement]) -> None:
    """The checksums that csumlab leaves to tshark are those of two known causes, and no more."""
    labelled, agreement = which
    unread: dict[Kind, int] = {}
    for one, count in agreement.differences.items():
        entry = explanation(one, labelled)
        if entry and entry.side is Side.CSUMLAB:
            unread[one.kind] = unread.get(one.kind, 0) + count
    assert unread == UNREAD


def test_the_table_counts_every_checksum_once(which: tuple[bool, Agreement]) -> None:
    """Each row adds up, no row has differences without a reason, and a kind with few checksums has no share."""
    labelled, agreement = which
    table = list(lines(agreement, labelled))[2 : 2 + len(agreement.compared)]
    for line, (kind, compared) in zip(table, sorted(agreement.compared.items()), strict=True):
        numbers = [int(word) for word in line[15:].split() if word.isdigit()]
        assert numbers[0] == compared == sum(numbers[1:]), line
        assert numbers[-1] == 0, line
        assert ("too few" in line) == (compared < ENOUGH), (kind, line)
    assert all(set(live_tshark.COLUMNS[name]) & set(agreement.compared) for name in LABELLED)


def test_every_capture_is_read_by_both_dissectors() -> None:
    """No file crashes reader or dissector, and plain and compiled agree on every one."""
    packets = 0
    for path in captures():
        fast, slow = Index(accelerate=True), Index(accelerate=False)
        with suppress(CaptureError), open_capture(path) as capture:
            for block in capture:
                fast.add(block)
                slow.add(block)
        assert fast.classes == slow.classes
        assert (fast.tally == slow.tally).all()
        packets += fast.packets
    assert packets > 0
