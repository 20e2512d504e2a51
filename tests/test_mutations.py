"""Tables answer for what replayed packets show: the golden walks, and every changed row that they must notice.

``UPDATE_GOLDEN=1 pytest tests/test_mutations.py`` writes tests/golden/walks.txt anew for the cases that it names.
"""

from __future__ import annotations

import os
from collections import defaultdict
from functools import cache
from pathlib import Path

import observed
import pytest
import walks
from mutants import Mutant, mutants
from patching import patched
from walks import Case

from csumlab.trace import Trace

GOLDEN = Path(__file__).parent / "golden" / "walks.txt"

SUMMED_ANEW = "netback has a super-frame's sum made anew whatever its slots say"
LOOK_AWAY = "after delivery nobody asks what the packet carries, unless a tunnel header is taken off"
HELD = "a fragment's way ends here: nobody asks what it carries, and filling it changes no byte that is captured again"
READ = "a program has the packet: nobody asks any more what it carries"
CARRIED = "nobody in these walks sends on what a guest received: tests/test_virtio.py holds csum_start across both ways"
ENCRYPTED = "it is encrypted next, whatever it carries"
REFUSED = "a packet that is refused goes nowhere: nobody asks what it carries"
FORGOTTEN = "forwarding forgets a remembered sum, and delivery verifies again what is right"
GIVEN_AS_BYTES = "what a program verified is not passed on: the frame goes out as CHECKSUM_NONE"
UNHEEDED = "a host does not heed what a guest calls verified"
UNMARKED = "receive aggregation verifies what the host does not mark, before the first capture point"
BLANK_FIRST = "the other end asks for csum_blank first, as Linux does"
UNASKED = "a guest does not look for a sum that is owed"
NEXT = "the sender's table says next what is owed"
LARGE = {"large-datagram": (1, 2, 3, 4), "large-datagram-4.4": (1,)}
EQUIVALENT = {
    **{f"windows-receive 1 {change}": HELD for change in ("does fill", "becomes 0", "becomes 1", "becomes 2")},
    **{f"windows-receive {row} becomes {state}": LOOK_AWAY for row in (2, 4, 8, 9, 10) for state in (0, 1, 2)},
    **{f"netkvm-transmit {row} becomes 1": UNHEEDED for row in (3, 4, 7, 8)},
    **{f"{stage} {row} becomes {state}": NEXT for stage, rows in LARGE.items() for row in rows for state in (0, 1, 2)},
    "windows-netvsc-transmit 4 becomes 1": UNHEEDED,
    **{f"windows-vmxnet3-transmit {row} becomes 1": UNHEEDED for row in (3, 4)},
    **{f"xenvif-transmit {row} becomes 2": BLANK_FIRST for row in (1, 2)},
    "gplpv-transmit 2 becomes 2": BLANK_FIRST,
    **{f"gplpv-transmit 1 becomes {state}": "Linux's netback takes every super-frame's sum as owed" for state in (0, 1, 2)},
    "emulated-card 1 becomes 1": "a tap heeds no DATA_VALID of a guest",
    "freebsd-esp-seal 1 becomes 2": "ESP has no transport header that a sum could be owed in",
    **{f"netvsc-transmit {row} becomes 1": UNHEEDED for row in (3, 4, 5, 7)},
    "netvsc-transmit-4.9 5 becomes 1": UNHEEDED,
    "vmxnet3-transmit 4 becomes 1": UNHEEDED,
    "netvsc-receive 1 becomes 1": UNMARKED,
    "netvsc-receive 2 becomes 0": UNMARKED,
    "netvsp-transmit 6 becomes 2": UNASKED,
    "openvmm-transmit 4 becomes 2": UNASKED,
    "openvmm-transmit-2025 1 becomes 2": UNASKED,
    "vmport-transmit 5 becomes 2": UNASKED,
    **{f"program-exchange {row} becomes 1": GIVEN_AS_BYTES for row in (1, 2, 3, 4, 5, 7)},
    "program-input 7 becomes 1": GIVEN_AS_BYTES,
    "program-nat 1 becomes 1": GIVEN_AS_BYTES,
    "program-nat 4 becomes 1": GIVEN_AS_BYTES,
    "program-nat 6 becomes 0": GIVEN_AS_BYTES,
    "program-nat 6 becomes 1": GIVEN_AS_BYTES,
    **{
        f"reject {row} becomes {state}": REFUSED
        for row, states in ((3, (0, 1)), (4, (0, 2)), (5, (1, 2)), (6, (1, 2)), (7, (0, 1, 2)), (8, (1, 2)))
        for state in states
    },
    "helper-snmp 1 does keep": "what is rewritten lies under no sum",
    "sender 4 becomes 1": "what is cut into fragments is forgotten",
    "sender 10 becomes 1": ENCRYPTED,
    "conntrack 7 becomes 0": FORGOTTEN,
    "nat 5 becomes 0": FORGOTTEN,
    "nat 5 becomes 3": FORGOTTEN,
    "ipvs 7 becomes 3": FORGOTTEN,
    **{f"segmentation {row} becomes {state}": ENCRYPTED for row, states in ((4, (0, 1, 3)), (5, (1, 2, 3))) for state in states},
    "receive 1 does fill": HELD,
    "receive 1 becomes 0": HELD,
    "receive 1 becomes 1": HELD,
    "receive 1 becomes 2": HELD,
    "receive 6 becomes 1": LOOK_AWAY,
    "receive 8 becomes 0": LOOK_AWAY,
    "receive 9 becomes 0": LOOK_AWAY,
    "receive 9 becomes 1": LOOK_AWAY,
    "receive 9 becomes 2": LOOK_AWAY,
    "receive 10 becomes 0": LOOK_AWAY,
    "receive 10 becomes 3": LOOK_AWAY,
    "nic-receive 2 becomes 1": "GRO verifies what the driver says nothing of, before the first capture point",
    "nic-receive 10 does keep": "GRO merges what the card does not, before the first capture point",
    "nic-receive 11 becomes 0": "GRO verifies what the card does not mark, before the first capture point",
    "netfront-transmit 1 becomes 2": BLANK_FIRST,
    **{f"ring-slots 3 becomes {state}": SUMMED_ANEW for state in (0, 1)},
    **{f"ring-slots-elsewhere {row} becomes {state}": SUMMED_ANEW for row in (1, 2, 3) for state in (0, 1)},
    "freebsd-netfront-transmit 1 becomes 2": BLANK_FIRST,
    **{f"packet-reader 2 becomes {state}": HELD for state in (0, 1, 2)},
    **{f"packet-reader {row} becomes {state}": READ for row in (3, 8) for state in (0, 1, 2)},
    **{f"packet-reader {row} becomes {state}": READ for row, state in ((6, 0), (6, 1), (7, 0), (7, 2))},
    "mirage-forward 5 becomes 2": "what has no sum of its own is owed none: the ring forgets it",
    "mirage-accept 1 becomes 1": LOOK_AWAY,
    "mirage-accept 1 becomes 2": LOOK_AWAY,
    **{f"openbsd-pf-check 2 becomes {state}": "nobody asks what is known of a sum that is not there" for state in (1, 2)},
    "openbsd-pf-check 5 does fill": "nothing is owed",
    "driver-claims 7 becomes 0": "a host does not heed a guest's DATA_VALID",
    "driver-claims 9 becomes 1": "a host does not heed a guest's DATA_VALID",
    "driver-claims 14 becomes 1": "a card asks for what is owed only",
    "driver-claims 1 becomes 2": BLANK_FIRST,
    "xenlinux-netfront-transmit-2006 1 becomes 2": "either flag counts as verified since April 2006",
    "xenlinux-netback-transmit-2006 1 becomes 2": "either flag counts as verified since April 2006",
    "xenlinux-nat 1 becomes 0": "INVALID is asked for once",
    "xenlinux-nat 1 becomes 2": "INVALID is asked for once",
    "xenlinux-receive 1 does fill": HELD,
    "xenlinux-receive 1 becomes 1": HELD,
    "xenlinux-receive 1 becomes 2": HELD,
    "xenlinux-receive 4 becomes 0": LOOK_AWAY,
    "xenlinux-receive 4 becomes 1": LOOK_AWAY,
    "xenlinux-receive 4 becomes 2": LOOK_AWAY,
    "xenlinux-receive 5 becomes 1": LOOK_AWAY,
    "xenlinux-receive 5 becomes 2": LOOK_AWAY,
    "xenlinux-netfront-transmit 2 becomes 1": "netback of Xen 3.0.0 asks for csum_blank only",
    "xenlinux-netback-transmit 4 becomes 2": "netfront of Xen 3.0.0 asks for csum_valid only",
    "decapsulate 5 becomes 3": "skb->encapsulation is asked for on transmit only",
    "virtio-transmit 1 becomes 1": "a host does not heed a guest's DATA_VALID",
    "virtio-transmit 3 becomes 1": "a host does not heed a guest's DATA_VALID",
    "tap-transmit 1 becomes 2": CARRIED,
    "macvtap-deliver 1 becomes 2": CARRIED,
    "xdp-pass 1 becomes 3": "GRO verifies what is not marked, before the first capture point",
    **{
        f"xen-looped-back 1 {change}": "no capture has the copy for the sender's own sockets, and they believe what it is marked as"
        for change in ("does fill", "becomes 1")
    },
    "xdp-pass-6.10 2 becomes 0": "GRO verifies what is not marked, before the first capture point",
}


@cache
def every_case() -> dict[str, Case]:
    return {case.name: case for case in walks.every_case()}


@cache
def golden_cases() -> tuple[Case, ...]:
    blocks = GOLDEN.read_text(encoding="utf-8").split("\n\n")
    return tuple(every_case()[block.strip("\n").split("\n")[0]] for block in blocks if block.strip())


@cache
def hits() -> dict[int, list[Case]]:
    """The golden cases in which each row fires, by the row's identity."""
    found: dict[int, list[Case]] = defaultdict(list)
    for case in golden_cases():
        rows = {id(hop.row) for trace in walks.run_plain(case) for hop in trace.hops}
        for row in rows:
            found[row].append(case)
    return found


@cache
def shown(name: str) -> str:
    return observed.report(every_case()[name])


@cache
def unchanged(name: str) -> list[object]:
    """Every hop of a case by its bytes, with the tables as they are."""
    return everything(walks.run_plain(every_case()[name]))


def test_golden_walks() -> None:
    """The bytes and the state at every capture point, and the end, of the cases in the golden file are what they were."""
    text = "\n\n".join(shown(case.name) for case in golden_cases()) + "\n"
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_text(text, encoding="utf-8")
    assert text == GOLDEN.read_text(encoding="utf-8")


def everything(traces: list[Trace]) -> list[object]:
    return [(hop.where, hop.stage.name, hop.after, hop.state_after) for trace in traces for hop in trace.hops] + [
        (t.fate, t.why) for t in traces
    ]


def verdict(mutant: Mutant) -> str:
    """ "killed", "the same" if nothing at all is changed by it, or "alive"."""
    same = True
    for case in hits()[id(mutant.original)]:
        before, plain = shown(case.name), unchanged(case.name)
        with patched(mutant.stage, mutant.changed):
            try:
                if observed.report(case) != before:
                    return "killed"
                same = same and everything(walks.run_plain(case)) == plain
            except Exception:
                return "killed"
    return "the same" if same else "alive"


@pytest.mark.parametrize("stage", sorted({mutant.stage.name for mutant in mutants()}))
def test_every_changed_row_is_noticed(stage: str) -> None:
    """A row with another effect shows in the golden walks, or is listed as equivalent with the reason; a listed one does not show."""
    for mutant in mutants():
        if mutant.stage.name != stage:
            continue
        assert hits()[id(mutant.original)], f"{mutant.name}: no golden walk comes by this row"
        found = verdict(mutant)
        if mutant.name in EQUIVALENT:
            assert found == "alive", f"{mutant.name} is listed as equivalent and is {found}"
        else:
            assert found != "alive", f"{mutant.name} is not noticed"
