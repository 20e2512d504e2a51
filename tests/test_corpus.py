"""Real captures: no crash, and every class of difference between csumlab and tshark's labels is one that is explained here."""

from __future__ import annotations

from contextlib import suppress

import pytest
from corpus_agreement import COLUMNS, Agreement, Difference, captures, measure

from csumlab.capture import open_capture
from csumlab.capture.block import CaptureError
from csumlab.index import Index

pytestmark = pytest.mark.skipif(not captures(), reason="the corpus of labelled captures (../shared/corpus) is not there")

# (ours, why r is not known, theirs, class of the bad field) -> reason. tshark 4.0.17 has no word for partial.
REASONS = {
    ("PARTIAL", "", "B", "partial"): "the field is the pseudo-header sum: tshark says bad",
    ("PARTIAL", "", "B", "zero"): "an IPv4 header sum of 0x0000 is not computed yet: tshark says bad",
    (
        "PARTIAL",
        "TRUNCATED",
        "B",
        "",
    ): "an ICMP field of 0x0000 in a truncated record: not computed yet; tshark sums what is there and says bad",
    (
        "UNVERIFIED",
        "TRUNCATED",
        "B",
        "other",
    ): "the IP length exceeds a record that claims to be whole: tshark sums what is there and says bad",
    (
        "UNVERIFIED",
        "TRUNCATED",
        "G",
        "",
    ): "the same, and the bytes that are missing were zeros: tshark sums what is there and happens to be right",
    ("UNVERIFIED", "HEADER", "-", ""): "an ICMP message of three bytes has no field: tshark does not show one",
    ("BAD", "", "-", ""): "a TCP header of impossible length: tshark stops before the sum",
    ("PARTIAL", "", "B", "other"): "UDP length 0 in a jumbogram: tshark leaves the 32-bit length out of the pseudo-header",
    ("PARTIAL", "", "-", ""): "the same over IPv4: tshark takes the length 0 for an error and looks no further",
    ("ABSENT", "", "-", ""): "the same",
    ("GOOD", "", "-", ""): "the same, for the header inside",
}


@pytest.fixture(scope="module")
def agreement() -> Agreement:
    return measure()


def explained(difference: Difference) -> bool:
    """Whether the difference has a reason: one of REASONS, or tshark looks into a protocol that csumlab does not."""
    if difference.ours == "-":
        return difference.hidden != ""
    return (difference.ours, difference.why, difference.theirs, difference.bad_class) in REASONS


def test_every_difference_to_the_labels_has_a_reason(agreement: Agreement) -> None:
    """No verdict differs from tshark's without an entry above, and no checksum is missed in a protocol that is looked into."""
    unexplained = {difference: agreement.examples[difference][:3] for difference in agreement.differences if not explained(difference)}
    assert unexplained == {}


def test_every_reason_is_needed(agreement: Agreement) -> None:
    """A reason that no longer has a case must go."""
    found = {(one.ours, one.why, one.theirs, one.bad_class) for one in agreement.differences}
    assert found >= set(REASONS)


def test_good_and_bad_are_never_exchanged(agreement: Agreement) -> None:
    """Nothing that tshark verifies is bad here, and nothing that it rejects is good."""
    assert not [one for one in agreement.differences if (one.ours, one.theirs) in (("GOOD", "B"), ("BAD", "G"))]
    assert set(agreement.compared) == {kind.name for kind in COLUMNS}


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
