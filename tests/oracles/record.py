"""``python -m tests.oracles.record``: run every scenario on this kernel and write down which rows that confirms, in csumlab/truth.json.

``python -m tests.oracles.record recordings [NAME ...]`` does the same for what tests/oracles_vm recorded of real Xen and of full kernels,
or for those of its golden files.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

from mutants import mutants
from oracles_vm.confirming import Confirming
from oracles_vm.recording import load

from csumlab.stage import Row
from csumlab.topology.presets import stages
from csumlab.truth import Entry, Oracle, read, text_of

from .confirm import Confirmation, confirmed
from .linux import Comparison, run, version
from .namespaces import Untestable, missing
from .scenarios import every
from .truth import CONFIRMED, write

NAME = "linux"
GOLDEN = Path(__file__).parents[1] / "oracles_vm" / "golden"


def compare_all(*, thorough: bool = True) -> tuple[list[Comparison], list[str]]:
    """Every comparison, and a sentence for each scenario that cannot be made here."""
    found: list[Comparison] = []
    untestable: list[str] = []
    for scenario in every():
        try:
            found += run(scenario, thorough=thorough)
        except Untestable as reason:
            untestable.append(f"{scenario.name}: {reason}")
    return found, untestable


def entry(one: Confirmation) -> Entry:
    return Entry(one.stage.name, one.row.because, text_of(one.row), one.standing.value, one.observations, list(one.unnoticed))


def recorded(path: Path) -> Oracle:
    """What a recording of a machine in the emulator confirms."""
    recording = load(path)
    rows = list(_rows(Confirming(recording)))
    versions = dict(recording.versions)
    kernel = versions["kernel"].split("-")[0]
    name = (
        f"Xen {versions['hypervisor'].split('+')[0]} with Linux {kernel}" if "hypervisor" in versions else f"Linux {kernel} in an emulator"
    )
    return Oracle(path.stem, name, sum(len(step.packets) for step in recording.steps), rows)


def _rows(confirming: Confirming) -> Iterator[Entry]:
    tables = stages().values()
    found = confirming.rows(tables)
    for stage in tables:
        for number, row in enumerate(stage.table, 1):
            one = found[stage.name, number]
            if one.observations:
                standing = "confirmed" if one.confirmed else "passed" if len(one.unnoticed) >= _changes(row) else "partly"
                yield Entry(stage.name, row.because, text_of(row), standing, one.observations, list(one.unnoticed))


def _changes(row: Row) -> int:
    """How many changes of a row are tried."""
    return sum(mutant.original is row for mutant in mutants())


def main() -> int:
    """The exit status: 0, 1 if there are differences that are not listed, 2 if nothing can be run here."""
    if sys.argv[1:2] == ["recordings"]:
        paths = [GOLDEN / f"{name}.json" for name in sys.argv[2:]] or sorted(GOLDEN.glob("*.json"))
        write({**read(), **{path.stem: recorded(path) for path in paths}})
        return 0
    reason = missing("nft")
    if reason:
        print(reason)
        return 2
    started = time.monotonic()
    comparisons, untestable = compare_all()
    unknown = [f"{one.name}: {difference}" for one in comparisons for difference in one.unknown()]
    rows = [entry(one) for one in confirmed(comparisons)]
    oracle = Oracle(NAME, f"Linux {version()}", len(comparisons), rows)
    write({**read(), NAME: oracle})
    for line in (*unknown, *untestable):
        print(line)
    counts = f"{len(comparisons)} comparisons, {len(unknown)} unlisted differences, {len(rows)} rows"
    print(f"{counts}, {time.monotonic() - started:.0f} s: {CONFIRMED}")
    return 1 if unknown else 0


if __name__ == "__main__":
    sys.exit(main())
