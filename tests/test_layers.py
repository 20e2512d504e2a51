"""The order of the house: imports point down, and each library stays where it belongs."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import csumlab

ROOT = Path(csumlab.__file__).parent
FLOORS = (
    ("words",),
    (
        "whole",
        "shown",
        "inet",
        "headers",
        "crc32c",
        "rows",
        "linktypes",
        "virtio_features",
        "capture.growth",
        "capture.packing",
        "behaviours",
    ),
    ("cards", "readers", "programs"),
    ("virtio_header", "facts", "capture.block", "tables", "kernels"),
    ("kernels.primitives", "kernels.layout", "kernels.codes"),
    ("kernels.steps",),
    ("kernels.wireless", "kernels.tunnels", "kernels.tags", "kernels.network", "kernels.mesh"),
    ("kernels.transport", "kernels.link"),
    ("kernels.routing",),
    ("kernels.packet",),
    ("kernels.classes", "kernels.payloads", "kernels.pieces", "capture.walk", "capture.columns", "capture.source"),
    ("kernels.datagrams",),
    ("kernels.assembling",),
    ("accelerate", "dissection", "capture.feed", "capture.writer"),
    ("capture.pcap", "capture.pcapng", "capture.snoop"),
    ("capture.reader", "index"),
    ("capture", "capture.ahead", "recorded", "fingerprints"),
    ("live.namespaces",),
    ("live.ethtool", "live.filters", "live.files"),
    ("live.ring",),
    ("live.known",),
    ("live.recording",),
    ("live",),
    ("extcap", "wireshark", "wireshark.folders"),
    ("wireshark.installing",),
    ("forms", "packet"),
    ("state", "outer", "lengths"),
    ("operations",),
    ("conditions",),
    ("stage",),
    ("interpreting",),
    ("predicates",),
    ("machine",),
    ("symbolic", "symbolic.sums", "truth", "rewriting"),
    ("exchange", "symbolic.fields"),
    ("symbolic.edits",),
    ("symbolic.packet",),
    ("pieces",),
    ("plain", "plain.exchanging", "plain.fields"),
    ("plain.edits",),
    ("plain.packet",),
    ("stages.patterns",),
    (
        "stages",
        "stages.linux",
        "stages.flowtable",
        "stages.fragments",
        "stages.mesh",
        "stages.segments",
        "stages.nic",
        "stages.xen",
        "stages.xenlinux",
        "stages.tunnels",
        "stages.rewriters",
        "stages.virtio",
        "stages.stacked",
        "stages.hypervisors",
        "stages.slots",
        "stages.helpers",
        "stages.hooks",
        "stages.readers",
        "stages.programs",
        "stages.translators",
    ),
    (
        "stages.answers",
        "stages.groups",
        "stages.datagrams",
        "stages.xenlinux_later",
        "stages.linux_older",
        "stages.tunnels_older",
        "stages.linux_later",
        "stages.othersystems",
        "stages.windows",
    ),
    ("stages.windows_drivers",),
    ("stages.windows_xen",),
    ("topology.intervals", "topology.rules"),
    ("topology", "topology.model"),
    ("topology.stacking", "topology.ages"),
    ("topology.options",),
    ("topology.presets.preset",),
    ("topology.presets.linux",),
    ("topology.presets.older", "topology.presets.xen", "topology.presets.others", "topology.presets.windows"),
    ("topology.presets",),
    ("topology.presets.versions",),
    ("topology.features",),
    ("topology.ways",),
    ("topology.forward",),
    ("topology.flooding", "topology.editing", "topology.translating", "trace", "slots"),
    ("topology.reading",),
    ("topology.checking", "topology.knobs"),
    ("topology.ruling",),
    ("topology.load", "topology.written"),
    ("walking", "walking.places"),
    ("walking.cutting",),
    ("walking.links",),
    ("walking.groups",),
    ("walking.connections",),
    ("walking.netfilter",),
    ("walking.crossing",),
    ("walking.carrying",),
    ("topology.line", "walk", "classes", "cures.cure", "findings"),
    ("cures.devices", "cures.rules"),
    ("cures.candidates",),
    ("cures",),
    ("settling",),
    ("sources", "judge"),
    ("exposure",),
    ("forensics.case",),
    ("forensics.crc", "forensics.layers", "forensics.sums"),
    ("forensics.table",),
    ("forensics.judging",),
    ("forensics.aim", "forensics.segments"),
    ("forensics",),
    ("evidence", "fragments.pieces"),
    ("fragments.assembly",),
    ("fragments.wording", "joining"),
    ("fragments.datagrams",),
    ("fragments",),
    ("copies.places", "copies.rewrites", "testimony.twins", "testimony.segments"),
    ("copies.hops", "testimony.watching"),
    ("copies.matching", "testimony.statements"),
    ("copies", "testimony.flows"),
    ("testimony", "candidates"),
    ("causes", "suspicion", "trail"),
    ("choosing",),
    ("senders",),
    ("groups",),
    ("headline", "reassembled"),
    ("outcome",),
    ("collect",),
    ("disabled",),
    ("checking", "gathered"),
    ("replaying",),
    ("explain", "stations", "survey"),
    ("starting",),
    ("suggest",),
    ("annotate", "annotate.blocks", "annotate.tracked", "annotate.notes", "annotate.replies"),
    ("annotate.sights", "annotate.packets"),
    ("annotate.hops", "hopbytes"),
    ("points", "points.sightings"),
    ("points.clocks", "points.spans"),
    ("points.pairing",),
    ("points.changes",),
    ("points.tallies",),
    ("points.predicting", "points.writing"),
    ("points.items",),
    ("points.comparing",),
    ("host", "host.script", "host.written", "host.templates", "host.setups"),
    ("host.dump",),
    ("host.links", "host.network", "host.peers", "host.settings", "host.rules", "host.guests"),
    ("host.changes",),
    ("host.nft", "host.iptables", "host.filters", "host.featuring"),
    ("host.places",),
    ("host.wiring", "host.sorting", "host.tunnels"),
    ("host.building",),
    ("host.hosting", "host.routing"),
    ("host.loading",),
    ("catalogue",),
    ("shipped",),
    ("scenario", "asserting", "doctor"),
    ("schemas", "outputs", "outputs.sarif", "outputs.junit", "outputs.parquet"),
    ("pytest_plugin",),
    ("report", "report.table", "report.packets"),
    ("report.data", "report.text", "report.replay", "report.points", "report.path"),
    ("report.frame", "report.explain", "report.doctor", "report.stages", "report.causes", "report.bugs", "report.svg"),
    ("report.signs", "report.bytemap", "report.placing", "report.harm"),
    ("report.ways",),
    ("report.hostmap", "report.example"),
    ("report.pathmap", "report.timechart", "report.gathering", "report.hops"),
    ("report.html", "plots"),
    ("report.page",),
    ("commands", "commands.common", "commands.completing"),
    (
        "commands.check",
        "commands.compare",
        "commands.completion",
        "commands.doctor",
        "commands.replay",
        "commands.explain",
        "commands.stages",
        "commands.scenario",
        "commands.capture",
        "commands.host",
        "commands.wireshark",
        "commands.schema",
    ),
    ("commands.report",),
    ("cli",),
    ("__main__",),
)
LEVEL = {name: level for level, names in enumerate(FLOORS) for name in names}


@cache
def modules() -> tuple[tuple[str, ast.Module], ...]:
    files = {file.relative_to(ROOT).with_suffix(""): file for file in sorted(ROOT.rglob("*.py"))}
    names = {".".join(path.parts).removesuffix(".__init__"): file for path, file in files.items()}
    return tuple((name, ast.parse(file.read_text(encoding="utf-8"))) for name, file in names.items() if name != "__init__")


def imported(tree: ast.Module, *, late: bool) -> Iterator[str]:
    """Modules that are imported when this one is, or with ``late`` anywhere; imports for type checking only do not count."""
    for node in ast.walk(tree) if late else _at_import(tree.body):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                inside = f"{node.module}.{alias.name}"
                yield inside if inside.removeprefix("csumlab.") in LEVEL else node.module


def _at_import(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    for node in body:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        yield node


def test_every_module_has_a_floor() -> None:
    """The list above is the whole package."""
    assert {name for name, _ in modules()} == set(LEVEL)


def test_imports_point_down() -> None:
    """No module imports one of its own or a higher floor."""
    up = []
    for name, tree in modules():
        for target in imported(tree, late=False):
            below = target.removeprefix("csumlab.")
            if target.startswith("csumlab.") and below in LEVEL and LEVEL[below] >= LEVEL[name]:
                up.append(f"{name} imports {below}")
    assert up == []


def test_libraries_stay_where_they_belong() -> None:
    """click only in the command line, numba only behind its wrapper, pandas and rich only late, dpkt only for snoop, scapy nowhere."""
    for name, tree in modules():
        for target in set(imported(tree, late=True)):
            library = target.split(".")[0]
            if library == "click":
                assert name == "cli" or name.startswith("commands"), name
            if library == "numba":
                assert name == "accelerate", name
            assert library != "scapy", name
            if library == "dpkt":
                assert name == "capture.snoop", name
        for target in imported(tree, late=False):
            assert target.split(".")[0] not in ("pandas", "rich", "numba", "jinja2", "pyarrow"), f"{name} imports {target} at start"
