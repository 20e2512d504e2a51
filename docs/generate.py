"""Writes the generated pages of docs/ anew: ``make docs``. tests/test_docs.py fails when they are stale."""

from pathlib import Path

from csumlab.report.bugs import bugs_markdown
from csumlab.report.causes import causes_markdown
from csumlab.report.stages import findings_markdown, stages_markdown

PAGES = {"stages.md": stages_markdown, "findings.md": findings_markdown, "causes.md": causes_markdown, "bugs.md": bugs_markdown}


def main() -> None:
    folder = Path(__file__).parent
    for name, make in PAGES.items():
        (folder / name).write_text(make(), encoding="utf-8")


if __name__ == "__main__":
    main()
