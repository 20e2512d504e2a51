"""JUnit XML: as test reports of continuous integration take it. A file is a suite, what is wrong a failure, what cannot be read an error.

Source: the schema of Jenkins' JUnit plugin (src/main/resources/.../junit-10.xsd).
"""

from __future__ import annotations

import xml.etree.ElementTree as tree
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from csumlab.causes import Standing
from csumlab.findings import Severity

if TYPE_CHECKING:
    from csumlab.checking import CheckResult, FileResult
    from csumlab.replaying import ReplayResult
    from csumlab.scenario import ScenarioResult

_WRONG = (Standing.REAL, Standing.DOUBTFUL)


@dataclass(frozen=True, slots=True)
class _Case:
    """``failure`` and ``error`` are sentences, "" if there is none; ``output`` is what else is told."""

    name: str
    failure: str = ""
    error: str = ""
    output: str = ""


def of_check(result: CheckResult) -> str:
    """A suite for each capture, a case for each kind of checksum in it."""
    return _document([(one.file, list(_of_file(one))) for one in result.results])


def of_replay(result: ReplayResult) -> str:
    """One suite: a case for each finding, or one that passes."""
    cases = [
        _Case(
            f"{finding.code} at {finding.hop or result.settings.tap}",
            failure="" if finding.severity is Severity.NOTE else str(finding),
            output=f"cure, in {finding.cure.domain}: {finding.cure.command}" if finding.cure else "",
        )
        for finding in result.findings
    ]
    cases.append(_Case("the capture is read to its end", error=str(result.fault) if result.fault else ""))
    return _document([(result.file, cases)])


def of_scenarios(results: Iterable[ScenarioResult]) -> str:
    """One suite, a case for each scenario."""
    return _document([("scenarios", [_Case(one.name, failure="\n".join(one.differences), output=one.story) for one in results])])


def _of_file(one: FileResult) -> Iterable[_Case]:
    for label in dict.fromkeys(group.label for group in one.groups):
        wrong = [str(group) for group in one.groups if group.label == label and group.standing in _WRONG]
        told = [str(group) for group in one.groups if group.label == label and group.standing not in _WRONG]
        yield _Case(label, failure="\n".join(wrong), output="\n".join(told))
    yield _Case("the capture is read to its end", error=str(one.fault) if one.fault else "")


def _document(suites: list[tuple[str, list[_Case]]]) -> str:
    root = tree.Element("testsuites")
    for name, cases in suites:
        counts = {"tests": len(cases), "failures": sum(bool(c.failure) for c in cases), "errors": sum(bool(c.error) for c in cases)}
        suite = tree.SubElement(root, "testsuite", {"name": _clean(name), **{key: str(value) for key, value in counts.items()}})
        for case in cases:
            one = tree.SubElement(suite, "testcase", {"classname": _clean(f"csumlab.{name}"), "name": _clean(case.name), "time": "0"})
            for what, text in (("failure", case.failure), ("error", case.error)):
                if text:
                    tree.SubElement(one, what, {"message": _clean(text.partition("\n")[0])}).text = _clean(text)
            if case.output:
                tree.SubElement(one, "system-out").text = _clean(case.output)
    tree.indent(root)
    return tree.tostring(root, encoding="unicode", xml_declaration=False).join(('<?xml version="1.0" encoding="UTF-8"?>\n', "\n"))


def _clean(text: str) -> str:
    """Without the characters that XML 1.0 has no form for (section 2.2)."""
    return "".join(
        letter
        if letter in "\n\t" or (letter >= " " and not "\ud800" <= letter <= "\udfff" and letter < "\ufffe") or letter > "\uffff"
        else "?"
        for letter in text
    )
