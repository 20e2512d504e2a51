"""csumlab: says whether the bad checksums in a packet capture are real, which device left them, and which setting mends it."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from csumlab.capture import CaptureError, open_capture
    from csumlab.checking import CheckResult, check
    from csumlab.collect import Finding
    from csumlab.points.comparing import Comparison, compare
    from csumlab.replaying import ReplayResult, replay
    from csumlab.scenario import ScenarioResult, run_scenario, run_scenarios
    from csumlab.topology.line import parse_line
    from csumlab.topology.load import TopologyError, load_topology
    from csumlab.topology.model import Topology

__version__ = "0.1.0"

_HOMES = {
    "CaptureError": "csumlab.capture",
    "CheckResult": "csumlab.checking",
    "Comparison": "csumlab.points.comparing",
    "Finding": "csumlab.collect",
    "ReplayResult": "csumlab.replaying",
    "ScenarioResult": "csumlab.scenario",
    "Topology": "csumlab.topology.model",
    "TopologyError": "csumlab.topology.load",
    "check": "csumlab.checking",
    "compare": "csumlab.points.comparing",
    "load_topology": "csumlab.topology.load",
    "open_capture": "csumlab.capture",
    "parse_line": "csumlab.topology.line",
    "replay": "csumlab.replaying",
    "run_scenario": "csumlab.scenario",
    "run_scenarios": "csumlab.scenario",
}

__all__ = [
    "CaptureError",
    "CheckResult",
    "Comparison",
    "Finding",
    "ReplayResult",
    "ScenarioResult",
    "Topology",
    "TopologyError",
    "check",
    "compare",
    "load_topology",
    "open_capture",
    "parse_line",
    "replay",
    "run_scenario",
    "run_scenarios",
]


def __getattr__(name: str) -> Any:
    """Public names are imported when they are first asked for, so that ``import csumlab`` costs nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module 'csumlab' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value
