"""The one's complement arithmetic against its definition, word by word."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from csumlab.inet import MODULUS, Zero, negate, parity_factor, residue, spell

residues = st.integers(0, MODULUS - 1)


def folded(data: bytes) -> int:
    """RFC 1071 section 4.1: add words, then fold the carries in."""
    total = sum(int.from_bytes(data[at : at + 2].ljust(2, b"\0"), "big") for at in range(0, len(data), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total % MODULUS


@given(st.binary(max_size=70))
def test_residue_is_the_folded_sum_of_words(data: bytes) -> None:
    """The residue is RFC 1071's sum, with 0xffff and 0x0000 taken as one."""
    assert residue(data) == folded(data) == residue(memoryview(data))


@given(st.binary(max_size=40), st.binary(max_size=40))
def test_a_part_at_an_odd_place_counts_with_its_bytes_swapped(front: bytes, back: bytes) -> None:
    """Sums of parts add up with parity_factor, whatever the length of the first part."""
    assert residue(front + back) == (residue(front) + parity_factor(len(front)) * residue(back)) % MODULUS


@given(residues)
def test_negate_gives_the_field_that_makes_a_sum_zero(value: int) -> None:
    """A value and its negation add up to zero and stay in range."""
    assert (value + negate(value)) % MODULUS == 0
    assert 0 <= negate(value) < MODULUS


@given(residues, st.integers(0, 0xFFFF))
def test_spelling_changes_zero_only(value: int, seen: int) -> None:
    """Only the residue 0 has two spellings; SEEN gives back the raw field."""
    assert spell(value, Zero.SEEN, seen) == seen
    assert spell(value, Zero.ZEROS) == value
    assert spell(value, Zero.ONES) == (value or MODULUS)
    assert spell(value + MODULUS, Zero.ONES) == spell(value, Zero.ONES)
