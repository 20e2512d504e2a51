"""The kernel that runs the tests does with packets what the model says, bit for bit; what it does not is listed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from mutants import mutants
from oracles import linux, record, truth
from oracles.compare import differences, known
from oracles.confirm import Standing, confirmed
from oracles.elsewhere import Held, held
from oracles.fuzz import Host, Middle, Sending, faults, printed, smallest
from oracles.linux import Comparison
from oracles.namespaces import Untestable, missing
from oracles.ports import DATA_VALID, NEEDS_CSUM, Sight, Virtio
from oracles.predict import Origin, Prediction, predictions
from oracles.probes import made
from oracles.scenarios import ACROSS, CAPTURES, Flow, Scenario, bridged, every
from oracles.world import Observed, World
from patching import patched

from csumlab.tables import Tables
from csumlab.topology.load import load_topology
from csumlab.topology.presets import stages
from csumlab.truth import read, text_of

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def compared() -> list[Comparison]:
    """Every scenario of the default run on this kernel."""
    reason = missing("nft")
    if reason:
        pytest.skip(reason)
    comparisons, untestable = record.compare_all(thorough=False)
    for text in untestable:
        print(text)
    assert len(comparisons) > 1000
    return comparisons


@pytest.mark.needs_root
@pytest.mark.needs_program
def test_the_kernel_does_what_the_model_says(compared: list[Comparison]) -> None:
    """Bytes, flags, csum_start and csum_offset at every port, and the end of every packet are those of the walk, or are listed."""
    assert [f"{one.name}: {difference}" for one in compared for difference in one.unknown()] == []


@pytest.mark.needs_root
@pytest.mark.needs_program
def test_every_known_difference_is_one(compared: list[Comparison]) -> None:
    """On the kernel that an entry of known_differences.toml names there is still such a difference."""
    found = {(one.scenario, one.probe, difference) for one in compared for difference in one.differences()}
    for entry in known():
        if entry.kernel == linux.version():
            assert any(entry.covers(*difference) for difference in found), f"nothing differs any more: {entry.reason}"


@pytest.mark.needs_root
@pytest.mark.needs_program
def test_both_interpreters_say_what_the_kernel_does(compared: list[Comparison]) -> None:
    """The walk over forms agrees with the walk over bytes on what was compared with the kernel; a part of it, as each takes a while."""
    assert [text for one in compared[::29] for text in one.between_interpreters()] == []


NO_KERNEL_MAKES = ("trailer", "ping, partial", "extensions")
"""Words of probes that only a program sends: what stood in a frame before a device trimmed or filled it is not in the capture."""


@pytest.mark.needs_root
@pytest.mark.needs_program
def test_other_capture_points_show_what_the_kernel_showed_there(compared: list[Comparison]) -> None:
    """From the frame at one real port replay -w makes those at the others, bit for bit: all that come after it, but where a program wrote a
    pseudo-header's sum that nobody owes; and nearly all before it, as a program may send what no kernel makes. Super-frames are left out:
    of a captured segment nobody knows what it will be merged with."""
    after: list[tuple[str, Held]] = []
    before: list[tuple[str, Held]] = []
    for one in [one for one in compared if not one.probe.endswith("long")][::19]:
        for start in (0, 2, 4) if not one.differences() else ():
            for found in held(one, start):
                if not found.made_up:
                    (before if found.before else after).append((one.probe, found))
    assert len(after) > 100
    assert len(before) > 100
    assert {probe for probe, found in after if not found.same and "pseudo only" not in probe} == set()
    assert sum(not found.same for probe, found in before if not any(word in probe for word in NO_KERNEL_MAKES)) < 0.04 * len(before)


@pytest.mark.needs_root
@pytest.mark.needs_program
def test_a_changed_row_would_be_noticed(compared: list[Comparison]) -> None:
    """What docs/truth.md rests on: with another effect of these rows some comparison does not come out."""
    standing = {(one.stage.name, one.row.because): one for one in confirmed(compared[::2])}
    for stage, words in (
        ("egress", "the device does not sum this"),
        ("nat", "a zero UDP sum stays zero"),
        ("bridge", "a bridge looks at no checksum"),
        ("veth", "a veth pair hands the packet over with what it carries"),
        ("receive", "CHECKSUM_PARTIAL counts as verified"),
        ("encapsulate", "no outer sum; the inner one is still owed"),
        ("sender", "TCP always leaves the sum"),
    ):
        row = next(row for row in stages()[stage].table if words in row.because)
        found = standing[stage, row.because]
        assert found.noticed, f"{stage}: {row.because}"
        assert not [change for change in found.unnoticed if change.startswith("does")], f"{stage}: {row.because}"
    assert sum(one.standing is Standing.CONFIRMED for one in standing.values()) >= 20


@pytest.mark.needs_program
def test_anybody_may_compare() -> None:
    """In a user namespace, without any right outside it, the same comes out."""
    command = [sys.executable, "-m", "tests.oracles.unprivileged", "bridge, the guest", "masquerade, way", "vxlan, ends"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode == 2:
        pytest.skip(done.stdout.strip())
    assert done.returncode == 0, done.stdout + done.stderr
    assert " 0 unlisted differences" in done.stdout


@pytest.fixture
def allowed() -> None:
    reason = missing("nft")
    if reason:
        pytest.skip(reason)


@pytest.mark.needs_root
@pytest.mark.needs_program
@pytest.mark.usefixtures("allowed")
def test_a_mark_of_conntrack_ends_with_the_host() -> None:
    """What one router finds INVALID, the next translates if it does not look (found by fuzz)."""
    host = Host((Middle("router", nat="ported"), Middle("router", verify=False, nat="masquerade")))
    sendings = [Sending(4, kind, "damaged", 16, number) for number, kind in enumerate(("tcp", "udp"), 1)]
    assert faults(host, sendings) == []


@pytest.mark.needs_root
@pytest.mark.needs_program
@pytest.mark.usefixtures("allowed")
def test_fuzz_finds_a_wrong_row_and_makes_the_case_small() -> None:
    """With a row changed, a big host with a big frame comes out different, and is brought down to what shows it."""
    words = "nothing else is verified or changed"
    mutant = next(
        one for one in mutants() if one.name.startswith("forward ") and one.name.endswith("does keep") and words in one.original.because
    )
    host = Host((Middle("bridge"), Middle("router", conntrack=True, nat="snat")))
    sending = Sending(6, "udp", "partial", 900, 5)
    assert faults(host, [sending]) == []
    with patched(mutant.stage, mutant.changed):
        case = smallest(host, sending, forms=False)
        assert case is not None
        text = printed(*case)
    assert case[0] == Host((Middle("router"),))
    assert case[1] == Sending(4, "udp", "right", 16, 1)
    found: dict[str, Scenario] = {}
    exec(text, {"Scenario": Scenario, "Flow": Flow}, found)
    assert [one.unknown() for one in linux.run(found["FOUND"])] == [[]]


def test_what_has_no_counterpart_is_not_tested() -> None:
    """Xen's devices and other kernels are named as the reason, before anything is made."""
    reasons = {}
    for folder in sorted(CAPTURES.glob("xen-3.0.0-*")) + sorted(CAPTURES.glob("linux-6.1-bridge*")):
        with pytest.raises(Untestable) as caught:
            World(load_topology(folder / "topology.toml")).__enter__()
        reasons[folder.name] = str(caught.value)
    assert reasons["linux-6.1-bridge"].endswith("which has no real counterpart here")
    assert reasons["xen-3.0.0-napt"].endswith("and this kernel is not")


@pytest.fixture(scope="module")
def case() -> tuple[Prediction, Observed]:
    """A prediction, and an observation that agrees with it."""
    scenario = Scenario("bridge", bridged({}, {}, {}), ACROSS)
    probe = made("udp", "partial", 1, (bytes(6), bytes(6)), ACROSS[0].source, ACROSS[0].destination)
    (prediction,) = predictions(Origin(scenario.topology, "a", probe.frame, probe.state), set(), {})
    sights = {
        domain: [Sight(one.device, one.way, one.virtio, bool(one.verified), bytes(14) + one.data) for one in several]
        for domain, several in prediction.seen.items()
    }
    return prediction, Observed(sights, {"b": prediction.payload}, {})


def unlike(observed: Observed) -> Iterator[tuple[str, Observed]]:
    """Observations with one thing changed."""
    last = observed.sights["b"][-1]

    def with_last(sight: Sight) -> Observed:
        return replace(observed, sights={**observed.sights, "b": [*observed.sights["b"][:-1], sight]})

    for at in (14, 24, 40, len(last.frame) - 1):
        yield "bytes", with_last(replace(last, frame=last.frame[:at] + bytes([last.frame[at] ^ 1]) + last.frame[at + 1 :]))
    yield "bytes", with_last(replace(last, frame=last.frame + b"\0"))
    yield "flags", with_last(replace(last, virtio=Virtio()))
    yield "flags", with_last(replace(last, virtio=Virtio(DATA_VALID)))
    yield "flags", with_last(replace(last, virtio=Virtio(NEEDS_CSUM, last.virtio.start + 2, last.virtio.offset)))
    yield "flags", with_last(replace(last, virtio=Virtio(NEEDS_CSUM, last.virtio.start, last.virtio.offset + 10)))
    yield "verified", with_last(replace(last, verified=True))
    yield "frame", with_last(replace(last, device="lo"))
    yield "frame", replace(observed, sights={**observed.sights, "b": [last, last]})
    yield "frame", replace(observed, sights={**observed.sights, "b": []})
    yield "fate", replace(observed, delivered={})
    yield "fate", replace(observed, counted={"b": {"Udp.InCsumErrors": 1}})
    yield "fate", replace(observed, counted={"a": {"Tcp.OutRsts": 1}})
    yield "delivered bytes", replace(observed, delivered={"b": b"other"})


def test_the_comparison_sees_every_difference(case: tuple[Prediction, Observed]) -> None:
    """Nothing differs in what agrees; each single change is found and called by its name."""
    prediction, observed = case
    assert differences(prediction, observed, {"a", "host", "b"}, Tables()) == []
    for what, changed in unlike(observed):
        assert what in [one.what for one in differences(prediction, changed, {"a", "host", "b"}, Tables())], what


def test_scenarios_have_names_of_their_own() -> None:
    """An entry of known_differences.toml means one scenario."""
    names = [scenario.name for scenario in every()]
    assert len(names) == len(set(names)) > 30
    assert all(isinstance(flow, Flow) for scenario in every() for flow in scenario.flows)


def test_what_is_recorded_is_of_rows_that_are() -> None:
    """A row that was changed since is not confirmed any more: python -m tests.oracles.record."""
    rows = {(stage.name, row.because, text_of(row)) for stage in stages().values() for row in stage.table}
    for oracle in read().values():
        stale = [entry.because for entry in oracle.rows if (entry.stage, entry.because, entry.row) not in rows]
        assert stale == [], f"{oracle.name}: record again"


def test_truth_is_fresh() -> None:
    """docs/truth.md is what csumlab/truth.json and the tables give: python -m tests.oracles.truth."""
    assert truth.PAGE.read_text(encoding="utf-8") == truth.page(read())
