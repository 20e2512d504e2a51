"""A stage replaced by another wherever walks find it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from csumlab import walk
from csumlab.stage import Stage
from csumlab.stages import answers, hooks, nic, programs, readers, rewriters, tunnels
from csumlab.topology import presets
from csumlab.topology.presets import Preset
from csumlab.topology.presets.preset import Stacked
from csumlab.walking import carrying, connections, crossing, cutting, groups, links, netfilter, places

WALKING = (walk, carrying, connections, crossing, cutting, groups, links, netfilter, places)


@contextmanager
def patched(stage: Stage, other: Stage) -> Iterator[None]:
    """Within, ``other`` stands for ``stage``."""
    old: list[tuple[Any, str, Any]] = []
    kept = dict(presets.PRESETS)
    table: dict[str, Preset] = presets.PRESETS  # type: ignore[assignment]
    for name, preset in kept.items():
        if not any(each is stage for each in preset.tables):
            continue
        parts: dict[str, Any] = {part: other for part in Preset.__dataclass_fields__ if getattr(preset, part) is stage}
        pairs: dict[str, Any] = {
            part: {kind: tuple(other if each is stage else each for each in tables) for kind, tables in getattr(preset, part).items()}
            for part in ("carrying", "switched", "stacked")
        }
        pairs["stacked"] = {kind: Stacked(*tables) for kind, tables in pairs["stacked"].items()}
        editors = {by: other if edits is stage else edits for by, edits in preset.editors.items()}
        table[name] = replace(preset, **parts, **pairs, editors=editors)
    for module in (answers, hooks, nic, programs, readers, rewriters, tunnels, *WALKING):
        for name, value in vars(module).items():
            if value is stage:
                old.append((module, name, value))
    for module, name, _ in old:
        setattr(module, name, other)
    try:
        yield
    finally:
        table.update(kept)
        for module, name, value in old:
            setattr(module, name, value)
