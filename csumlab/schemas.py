"""JSON Schemas of everything that the program prints or writes as JSON. Names and meanings are stable: keys are only ever added.

Printed by ``csumlab schema NAME``; the tests hold every ``--json`` output against them. Draft 2020-12. An object may have further keys in a
later version, so the schemas allow them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from csumlab.causes import Standing
from csumlab.findings import CATALOGUE, Severity
from csumlab.fragments import Outcome
from csumlab.headers import KINDS, Verdict
from csumlab.state import Claim
from csumlab.trace import Fate

Schema = dict[str, Any]
DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"

_TEXT: Final[Schema] = {"type": "string"}
_COUNT: Final[Schema] = {"type": "integer", "minimum": 0}
_FLAG: Final[Schema] = {"type": "boolean"}
_FORMAT: Final[Schema] = {"const": 1, "description": "raised if a key ever changes its meaning"}
_STATUS: Final[Schema] = {"enum": [0, 1, 2], "description": "the exit status: 0 clean, 1 findings, 2 not read to the end"}
_NUMBER: Final[Schema] = {"type": "integer", "minimum": 1, "description": "number of a packet, counted from 1 over the file"}
_VERDICT: Final[Schema] = {"enum": [one.name.lower() for one in Verdict if one]}
_STANDING: Final[Schema] = {"enum": [one.name.lower() for one in Standing]}
_KIND: Final[Schema] = {"enum": ["", *(rule.label for rule in KINDS.values())], "description": "of the checksum; empty if there is none"}
_CODE: Final[Schema] = {"enum": list(CATALOGUE)}
_WORD: Final[Schema] = {"type": ["integer", "null"], "minimum": 0, "maximum": 0xFFFFFFFF}


def _object(properties: Mapping[str, Schema], description: str = "", optional: tuple[str, ...] = ()) -> Schema:
    made: Schema = {"type": "object", "properties": dict(properties), "required": [name for name in properties if name not in optional]}
    return {**made, "description": description} if description else made


def _list(items: Schema, description: str = "") -> Schema:
    made: Schema = {"type": "array", "items": items}
    return {**made, "description": description} if description else made


def _map(values: Schema, description: str = "") -> Schema:
    return {"type": "object", "additionalProperties": values, "description": description}


def _or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _group() -> Schema:
    return _object(
        {
            "kind": _KIND,
            "inner": {**_FLAG, "description": "inside a tunnel"},
            "verdict": _VERDICT,
            "standing": {**_STANDING, "description": "real: wrong; doubtful: cannot be told from here; harmless; unverified"},
            "cause": {**_TEXT, "description": "stable name of the cause"},
            "sentence": _TEXT,
            "detail": _TEXT,
            "advice": _TEXT,
            "checksums": _COUNT,
            "packets": _COUNT,
            "first_packets": _list(_NUMBER),
            "senders": _list(_TEXT),
            "sender_count": _COUNT,
            "evidence": _list(_TEXT),
            "examined": _COUNT,
            "residues_tried": _COUNT,
            "chance": {"type": "number", "minimum": 0, "maximum": 1, "description": "that random damage looks like this"},
        }
    )


def _file() -> Schema:
    fault = _object({"message": _TEXT, "offset": {"type": ["integer", "null"]}, "field": _TEXT, "problem": _TEXT})
    datagram = _object(
        {
            "kind": _KIND,
            "verdict": {"enum": [one.name.lower() for one in Verdict]},
            "outcome": {"enum": [one.name.lower() for one in Outcome]},
            "reason": _TEXT,
            "residue": _WORD,
            "packets": _list(_NUMBER),
            "pieces": _COUNT,
            "copies": _COUNT,
            "out_of_order": _FLAG,
            "source": _TEXT,
            "destination": _TEXT,
            "identification": _COUNT,
            "length": {"type": ["integer", "null"]},
        }
    )
    further = _object(
        {
            "kind": _KIND,
            "verdict": {"enum": [one.name.lower() for one in Verdict]},
            "outcome": {"enum": [one.name.lower() for one in Outcome]},
            "datagrams": _COUNT,
        }
    )
    hop = _object({"place": _TEXT, "routed": _FLAG, "rewritten": _FLAG, "checksums": _map(_COUNT, "by none, good, partial, bad, other")})
    return _object(
        {
            "file": _TEXT,
            "headline": _TEXT,
            "packets": _COUNT,
            "octets": _COUNT,
            "packets_without_checksum": _COUNT,
            "packets_past_class_limit": _COUNT,
            "senders_capped": _FLAG,
            "complete": _FLAG,
            "fault": _or_null(fault),
            "checksums": _map(_map(_COUNT), "counts by kind and verdict"),
            "groups": _list(_group(), "what is not good, by cause"),
            "growing": {**_FLAG, "description": "the file was still being written"},
            "further_sightings": _COUNT,
            "datagrams": _list(datagram, "that came in fragments"),
            "further_datagrams": _list(further, "that came in fragments and are only counted"),
            "paths": _list(_object({"packets": _COUNT, "examples": _list(_list(_NUMBER)), "hops": _list(hop)})),
            "rewrites": _list(_object({"old": _TEXT, "new": _TEXT, "packets": _COUNT, "examples": _list(_list(_NUMBER))})),
            "left_out": _list(_TEXT, "what the bounds left out"),
        }
    )


def _check() -> Schema:
    return _object({"format": _FORMAT, "status": _STATUS, "headline": _TEXT, "packets": _COUNT, "files": _list(_file())})


def _check_packets() -> Schema:
    return _object(
        {
            "file": _TEXT,
            "packet": _NUMBER,
            "kind": _KIND,
            "header": {**_COUNT, "description": "place in the header stack"},
            "offset": {**_COUNT, "description": "of the field, in the packet"},
            "verdict": _VERDICT,
            "field": _WORD,
            "residue": _WORD,
            "seed": _WORD,
            "reason": {**_TEXT, "description": "why the residue is not known"},
        }
    )


def _cure() -> Schema:
    return _object({"domain": _TEXT, "command": _TEXT, "undo": _TEXT, "cost": _TEXT, "lasting": _TEXT})


def _finding() -> Schema:
    return _object(
        {
            "code": _CODE,
            "severity": {"enum": [one.value for one in Severity]},
            "title": _TEXT,
            "hop": {**_TEXT, "description": "port and direction of the cause"},
            "stage": _TEXT,
            "sum": _TEXT,
            "because": _TEXT,
            "source": _TEXT,
            "consequence": _TEXT,
            "condition": {**_TEXT, "description": "what it depends on; empty if on nothing"},
            "packets": _COUNT,
            "first": _list(_NUMBER),
            "cure": _or_null(_cure()),
        }
    )


def _replay() -> Schema:
    return _object(
        {
            "format": _FORMAT,
            "file": _TEXT,
            "tap": _TEXT,
            "topology": _TEXT,
            "defaults": _list(_TEXT),
            "assume": _TEXT,
            "packets": _COUNT,
            "walked": _COUNT,
            "classes": _COUNT,
            "beyond": _COUNT,
            "fault": _or_null(_TEXT),
            "status": _STATUS,
            "headline": _TEXT,
            "start": _list(_TEXT, "as what the packets were read"),
            "findings": _list(_finding()),
        }
    )


def _suggestion() -> Schema:
    return _object(
        {
            "format": _FORMAT,
            "check": _check(),
            "local_senders": _list(_TEXT, "senders of partial sums: addresses, and the hardware address"),
            "untold": _list(_TEXT, "what the topology leaves open"),
            "needed": _list(_TEXT),
            "topology": {**_TEXT, "description": "TOML to start from"},
        },
        "replay without a topology",
    )


def _explain() -> Schema:
    field = _object(
        {
            "sum": _TEXT,
            "field": _WORD,
            "why": _TEXT,
            "verdict": _or_null(_VERDICT),
            "claim": _or_null({"enum": [one.value for one in Claim]}),
        }
    )
    hop = _object(
        {
            "where": _TEXT,
            "stage": _TEXT,
            "row": _TEXT,
            "does": _list(_TEXT),
            "because": _TEXT,
            "source": _TEXT,
            "sure": _TEXT,
            "state_before": _TEXT,
            "state_after": _TEXT,
            "before": _list(field),
            "after": _list(field),
            "capture_here": _FLAG,
        }
    )
    return _object(
        {
            "format": _FORMAT,
            "file": _TEXT,
            "packet": _NUMBER,
            "packet_is": _TEXT,
            "origin": _list(_TEXT),
            "fate": {"enum": [one.value for one in Fate]},
            "why": _TEXT,
            "hops": _list(hop),
            "findings": _list(_object({"code": _CODE, "hop": _TEXT, "because": _TEXT, "condition": _TEXT})),
        }
    )


def _code() -> Schema:
    return _object(
        {
            "code": _CODE,
            "title": _TEXT,
            "severity": {"enum": [one.value for one in Severity]},
            "what": _TEXT,
            "why": _TEXT,
            "cure": _TEXT,
            "example": _TEXT,
            "references": _list(_TEXT),
        }
    )


def _stage() -> Schema:
    texts = dict.fromkeys(("when", "given", "does", "becomes", "because", "source", "sure"), _TEXT)
    row = _object({**texts, "vouches": {**_FLAG, "description": "it calls a sum verified that nobody compared"}})
    return _object({"name": _TEXT, "title": _TEXT, "source": _TEXT, "rows": _list(row)})


def _scenario_run() -> Schema:
    return _list(
        _object(
            {
                "name": _TEXT,
                "story": _TEXT,
                "passed": _FLAG,
                "differences": _list(_TEXT),
                "replay": _replay(),
                "entry": {**_TEXT, "description": "id of the documented bug that was asked for; empty if it was a folder"},
            }
        )
    )


def _scenario_list() -> Schema:
    folder = _object({"folder": _TEXT, "story": _TEXT}, "a scenario that belongs to no documented bug")
    bug = _object(
        {"id": _TEXT, "slug": _TEXT, "title": _TEXT, "status": {"enum": ["scenario", "missing", "outside"]}}, "an entry of the catalogue"
    )
    return _list({"anyOf": [bug, folder]})


def _doctor() -> Schema:
    part = _object(
        {
            "name": _TEXT,
            "found": _FLAG,
            "version": _TEXT,
            "needed": _FLAG,
            "gives": {**_TEXT, "description": "what it is good for"},
            "get": {**_TEXT, "description": "how to get it"},
        }
    )
    return _object({"format": _FORMAT, "csumlab": _TEXT, "machine": _TEXT, "status": {"enum": [0, 1]}, "parts": _list(part)})


def _wireshark_status() -> Schema:
    return _object(
        {
            "format": _FORMAT,
            "version": _TEXT,
            "configuration": _TEXT,
            "extcap": _TEXT,
            "files": _list(_object({"path": _TEXT, "state": _TEXT, "detail": _TEXT})),
        }
    )


def _compare() -> Schema:
    examples = _list(_list(_or_null(_COUNT)), "pairs of packet numbers, in the one capture and the other")
    side = _object(
        {
            "file": _TEXT,
            "packets": _COUNT,
            "without_ip": _COUNT,
            "sealed": _COUNT,
            "past_the_bound": _COUNT,
            "first_ns": _or_null({"type": "integer"}),
            "last_ns": _or_null({"type": "integer"}),
            "fault": _or_null(_TEXT),
        }
    )
    clock = _object(
        {
            "known": _FLAG,
            "offset_ns": {"type": "integer"},
            "drift_ppm": {"type": "number"},
            "spread_ns": {"type": "integer"},
            "common": _COUNT,
            "window_ns": {"type": "integer"},
        }
    )
    prediction = _object({"agrees": _or_null(_FLAG), "sentence": _TEXT, "codes": _list(_CODE), "cure": _TEXT})
    texts = ("what", "sum", "sentence", "why", "do")
    item = _object(
        {**dict.fromkeys(texts, _TEXT), "harmful": _FLAG, "packets": _COUNT, "examples": examples, "prediction": _or_null(prediction)}
    )
    verdict = {"enum": [one.name.lower() for one in Verdict]}
    total = _object({"sum": _TEXT, "before": verdict, "after": verdict, "change": _TEXT, "cause": _TEXT})
    return _object(
        {
            "format": _FORMAT,
            "headline": _TEXT,
            "status": _STATUS,
            "before": side,
            "after": side,
            "clock": clock,
            "pairs": _COUNT,
            "taps": _or_null(_object({"before": _TEXT, "after": _TEXT})),
            "items": _list(item, "what happened, the worst first"),
            "kinds": _list(_object({"what": _TEXT, "packets": _COUNT, "examples": examples, "sums": _list(total)})),
            "left_out": _list(_TEXT),
        }
    )


def _sum_note(more: Mapping[str, Schema]) -> Schema:
    return _object({"sum": _KIND, "offset": _COUNT, "verdict": _VERDICT, "field": _WORD, "residue": _WORD, **more})


def _hop_note() -> Schema:
    cure = _object({"domain": _TEXT, "command": _TEXT, "undo": _TEXT})
    names = ("title", "hop", "sum", "because", "consequence", "condition")
    finding = _object(
        {"code": _CODE, "severity": {"enum": [one.value for one in Severity]}, **dict.fromkeys(names, _TEXT), "cure": _or_null(cure)}
    )
    return _object(
        {
            "format": _FORMAT,
            "packet": _NUMBER,
            "at": {**_TEXT, "description": "the port"},
            "way": {"enum": ["in", "out", ""]},
            "is_capture_point": _FLAG,
            "is_before": {**_FLAG, "description": "before the capture point: as the sender's kernel makes it"},
            "state": {**_TEXT, "description": "what is carried beside the packet there"},
            "sums": _list(_sum_note({})),
            "findings": _list(finding),
            "made_up": _list(_TEXT, "what in the bytes nobody can know"),
            "fate": {"enum": [one.value for one in Fate]},
            "captured_ns": _COUNT,
            "left_out": _FLAG,
        },
        "beside each packet of replay -w, in the custom option",
        ("fate", "captured_ns", "left_out", "sums", "findings", "made_up"),
    )


def _check_note() -> Schema:
    more = {"cause": _or_null(_TEXT), "standing": _or_null(_STANDING), "detail": _TEXT}
    return _object(
        {
            "format": _FORMAT,
            "packet": _NUMBER,
            "sums": _list(_sum_note(more)),
            "datagram": {"type": ["string", "null"], "description": "cause over all fragments"},
            "left_out": _FLAG,
        },
        "beside packets of check -w that are not all good, in the custom option",
        ("left_out", "sums"),
    )


_MADE: Final[Mapping[str, tuple[str, Callable[[], Schema]]]] = {
    "check": ("csumlab check --json", _check),
    "check-packets": ("one line of csumlab check --packets --json", _check_packets),
    "check-note": ("what check -w writes beside a packet", _check_note),
    "compare": ("csumlab compare --json", _compare),
    "replay": ("csumlab replay --json with a topology", _replay),
    "replay-suggestion": ("csumlab replay --json without a topology", _suggestion),
    "replay-note": ("what replay -w writes beside a packet", _hop_note),
    "explain": ("csumlab explain CAPTURE PACKET --json", _explain),
    "explain-code": ("csumlab explain CODE --json", _code),
    "stages": ("csumlab stages --json", lambda: _list(_stage())),
    "stages-name": ("csumlab stages NAME --json", _stage),
    "scenario-run": ("csumlab scenario run --json", _scenario_run),
    "scenario-list": ("csumlab scenario list --json", _scenario_list),
    "doctor": ("csumlab doctor --json", _doctor),
    "wireshark-status": ("csumlab wireshark status --json", _wireshark_status),
}
NAMES: Final = {name: title for name, (title, _) in _MADE.items()}
"""What each schema describes."""


def schema(name: str) -> Schema:
    """The schema of one output. KeyError if there is no such one."""
    title, make = _MADE[name]
    return {"$schema": DRAFT, "$id": f"urn:csumlab:{name}:1", "title": title, **make()}
