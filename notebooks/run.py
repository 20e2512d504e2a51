"""Execute the notebooks of this folder and write their outputs, or with ``--check`` compare them with what is written (``make notebooks``).

A cell tagged ``needs-root`` is compared only if this is root: it asks the running kernel. Pictures are made again but not compared, their
pixels depend on fonts.
"""

from __future__ import annotations

import difflib
import os
import sys
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

FOLDER = Path(__file__).resolve().parent
SECONDS = 300


def main() -> int:
    check = "--check" in sys.argv[1:]
    names = [name for name in sys.argv[1:] if not name.startswith("-")]
    files = [Path(name).resolve() for name in names] or sorted(FOLDER.glob("*.ipynb"))
    failed = False
    for file in files:
        written = nbformat.read(file, as_version=4)
        made = nbformat.from_dict(written)
        os.environ["NO_COLOR"] = "1"
        NotebookClient(made, timeout=SECONDS, resources={"metadata": {"path": str(FOLDER)}}).execute()
        if not check:
            nbformat.write(bare(made), file)
            print(f"{file.name}: written")
            continue
        found = list(differences(nbformat.read(file, as_version=4), made))
        failed |= bool(found)
        print(f"{file.name}: {'NOT as written' if found else 'as written'}", *found, sep="\n  ")
    return int(failed)


def bare(notebook: Any) -> Any:
    """Without what differs from run to run (times, versions), and without the text of what has a page: it counts observations of kernels,
    which grow with every recording."""
    notebook.metadata = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            if "text/html" in output.get("data", {}):
                output.data.pop("text/plain", None)
        cell.metadata = {key: value for key, value in cell.metadata.items() if key == "tags"}
    return notebook


def differences(written: Any, made: Any) -> Iterator[str]:
    """Lines of output that are not what is written, cell by cell."""
    for number, (old, new) in enumerate(zip(written.cells, made.cells, strict=True), 1):
        if old.cell_type != "code" or ("needs-root" in old.metadata.get("tags", ()) and os.geteuid()):
            continue
        before, after = (list(lines(cell)) for cell in (old, new))
        if before != after:
            yield f"cell {number}:"
            yield from difflib.unified_diff(before, after, "written", "now", lineterm="", n=1)


def lines(cell: Any) -> Iterator[str]:
    """What a cell puts out, as text. What is printed may come in several pieces that end anywhere, as the kernel happens to send it."""
    for is_stream, outputs in groupby(cell.outputs, lambda output: output.output_type == "stream"):
        if is_stream:
            yield from "".join(output.text for output in outputs).splitlines()
            continue
        for output in outputs:
            if output.output_type == "error":
                yield f"{output.ename}: {output.evalue}"
            else:
                yield from str(output.data.get("text/html") or output.data.get("text/plain", "")).splitlines()


if __name__ == "__main__":
    sys.exit(main())
