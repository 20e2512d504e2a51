"""docs/topology.md names everything that a topology may say, so that nobody has to read the loader."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from csumlab.stages.rewriters import OF_CONNECTIONS, STATELESS
from csumlab.topology import reading
from csumlab.topology.knobs import IDLE_FEATURES, SCATTERING, SHORT_FEATURES
from csumlab.topology.model import CARRIAGES, DeviceKind
from csumlab.topology.options import FEATURES, KNOBS, OPTIONS, XENSTORE
from csumlab.topology.presets import PRESETS
from csumlab.topology.rules import NatKind

PAGE = (Path(__file__).parents[1] / "docs" / "topology.md").read_text(encoding="utf-8")
CODE = "\n".join(re.findall(r"```toml\n(.*?)```", PAGE, re.S) + re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", PAGE, flags=re.S)))
"""What stands as code on the page: prose alone tells nobody how a word is spelt."""
TABLES = (
    reading.FileTable,
    reading.DomainTable,
    reading.DeviceTable,
    reading.RouteTable,
    reading.NatTable,
    reading.EditTable,
    reading.LocalTable,
    reading.CopyTable,
)
WORDS = {
    "key": {field.encode_name for table in TABLES for field in msgspec.structs.fields(table)},
    "kind of device": {kind.value for kind in DeviceKind},
    "kind of rule": {kind.value for kind in NatKind},
    "rewriter": {*OF_CONNECTIONS, *STATELESS},
    "encapsulation": {word for carriage in CARRIAGES.values() for word in carriage.layers if word},
    "option": set(OPTIONS),
    "feature": {*FEATURES, *SHORT_FEATURES, *SCATTERING, *IDLE_FEATURES},
    "xenstore key": set(XENSTORE),
    "sysctl": set(KNOBS),
    "preset": set(PRESETS),
}


@pytest.mark.parametrize(("what", "word"), [(what, word) for what, words in WORDS.items() for word in sorted(words)])
def test_every_word_of_a_topology_is_on_the_page(what: str, word: str) -> None:
    """Whatever the loader takes stands on the page as code, as a whole word."""
    assert re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", CODE), f"{what} {word} is not in docs/topology.md"
