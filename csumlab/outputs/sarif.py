"""SARIF 2.1.0: findings as code scanners and their dashboards take them.

Source: OASIS Static Analysis Results Interchange Format 2.1.0. A capture has no lines: a result names the file, the hop as a logical
location, and the first packets in its properties.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from csumlab.causes import Standing
from csumlab.findings import CATALOGUE, Severity
from csumlab.shown import counted

if TYPE_CHECKING:
    from csumlab.checking import CheckResult
    from csumlab.collect import Finding
    from csumlab.groups import Group
    from csumlab.replaying import ReplayResult
    from csumlab.scenario import ScenarioResult

SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/schemas/sarif-schema-2.1.0.json"
_LEVELS: Final = {Standing.REAL: "error", Standing.DOUBTFUL: "warning", Standing.HARMLESS: "note", Standing.UNVERIFIED: "none"}
_SCENARIO_RULE: Final = "scenario"


def of_check(result: CheckResult) -> str:
    """The log of a check: a rule for each cause, a result for each group."""
    results = [_of_group(group) for group in result.groups]
    rules = {
        group.cause.name: _rule(group.cause.name, group.cause.sentence, group.cause.advice, _LEVELS[group.standing])
        for group in result.groups
    }
    return _log(rules, results, [str(fault) for fault in result.faults])


def of_replay(result: ReplayResult) -> str:
    """The log of a replay: a rule for each code that was found."""
    return _log(_code_rules(result.findings), list(_of_findings(result)), [str(result.fault)] if result.fault else [])


def of_scenarios(results: Iterable[ScenarioResult]) -> str:
    """The log of scenario runs: every difference from what is expected is an error."""
    found = [
        _result(_SCENARIO_RULE, "error", f"{one.name}: {difference}", one.result.file, one.name, {"story": one.story})
        for one in results
        for difference in one.differences
    ]
    rule = _rule(_SCENARIO_RULE, "a scenario does not end as it is expected", "read the story and expected.toml of its folder", "error")
    return _log({_SCENARIO_RULE: rule} if found else {}, found, [])


def _of_group(group: Group) -> dict[str, Any]:
    text = f"{group.label}, {counted(group.count, 'checksum')} in {counted(group.packets, 'packet')}: {group.cause.sentence}"
    text += f" ({group.detail})" if group.detail else ""
    text += f". {group.cause.advice}" if group.cause.advice else ""
    more = {
        "standing": group.standing.name.lower(),
        "packets": group.packets,
        "firstPackets": list(group.numbers),
        "senders": list(group.senders),
    }
    return _result(group.cause.name, _LEVELS[group.standing], text, group.file, group.label, more)


def _of_findings(result: ReplayResult) -> Iterator[dict[str, Any]]:
    for finding in result.findings:
        text = f"{finding.entry.title}, {counted(finding.packets, 'packet')}: {finding.because}; then: {finding.consequence}"
        text += f" ({finding.condition})" if finding.condition else ""
        text += f". Cure, in {finding.cure.domain}: {finding.cure.command} (undo: {finding.cure.undo})" if finding.cure else ""
        more = {"packets": finding.packets, "firstPackets": list(finding.first), "sum": finding.sum, "source": finding.source}
        where = finding.hop or str(result.settings.tap)
        yield _result(finding.code, _level(finding), text, result.file, where, more)


def _level(finding: Finding) -> str:
    return "note" if finding.severity is Severity.NOTE else "warning" if finding.condition else "error"


def _code_rules(findings: Iterable[Finding]) -> dict[str, dict[str, Any]]:
    rules = {}
    for code in sorted({finding.code for finding in findings}):
        entry = CATALOGUE[code]
        level = "error" if entry.severity is Severity.FINDING else "note"
        rules[code] = _rule(code, entry.title, entry.cure, level) | {"fullDescription": {"text": f"{entry.what} {entry.why}"}}
    return rules


def _rule(name: str, sentence: str, advice: str, level: str) -> dict[str, Any]:
    rule: dict[str, Any] = {"id": name, "shortDescription": {"text": sentence}, "defaultConfiguration": {"level": level}}
    return rule | ({"help": {"text": advice}} if advice else {})


def _result(rule: str, level: str, text: str, file: str, where: str, more: Mapping[str, Any]) -> dict[str, Any]:
    same = hashlib.sha256("\0".join((rule, where, text.partition(", ")[0])).encode("utf-8", "replace")).hexdigest()
    return {
        "ruleId": rule,
        "level": level,
        # "none" is for what is no problem at all.
        "kind": "informational" if level == "none" else "fail",
        "message": {"text": text},
        "locations": [
            {
                # Dashboards drop a result without a region; a capture has no lines, so it is the whole file.
                "physicalLocation": {"artifactLocation": {"uri": quote(file.replace("\\", "/"))}, "region": {"startLine": 1}},
                "logicalLocations": [{"fullyQualifiedName": where, "kind": "resource"}],
            }
        ],
        "partialFingerprints": {"csumlabFinding/v1": same},
        "properties": dict(more),
    }


def _log(rules: Mapping[str, dict[str, Any]], results: list[dict[str, Any]], faults: list[str]) -> str:
    numbers = {name: number for number, name in enumerate(rules)}
    for one in results:
        one["ruleIndex"] = numbers[one["ruleId"]]
    notes = [{"level": "error", "message": {"text": fault}} for fault in faults]
    invocation: dict[str, Any] = {"executionSuccessful": not faults, "toolExecutionNotifications": notes}
    driver = {"name": "csumlab", "version": version("csumlab"), "rules": list(rules.values())}
    run = {"tool": {"driver": driver}, "invocations": [invocation], "columnKind": "unicodeCodePoints", "results": results}
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"
