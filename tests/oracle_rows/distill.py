"""Makes linux-6.18.json out of the rows that a real kernel gave: ``python distill.py ROWS.jsonl RELEASE > linux-6.18.json``.

A row of the input is one frame put into a namespace of a running kernel: ``scenario`` and ``variant`` (what it was put into), ``proto`` and
``state`` (the frame), ``out`` (what the reader of the port behind offers), ``observed`` (what became of it, in one word) and ``vnet_out``
(the virtio header it came out with). Everything else is left out, and rows that agree are put together.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

Rows = dict[str, dict[str, dict[str, list[str]]]]


def distilled(rows: Iterable[dict[str, Any]]) -> Rows:
    """By scenario, variant, and observed word with header: protocol, state and offer of every frame of which that is true."""
    found: Rows = {}
    for row in rows:
        # A capture that is true to what the kernel carried is put down as what it showed.
        word = f"{row['bytes']}/{row['aux']}" if row["observed"] == "true" else row["observed"]
        seen = " ".join(filter(None, (word, row.get("vnet_out"))))
        frame = f"{row['proto']}/{row['state']}/{row['out']}"
        found.setdefault(row["scenario"], {}).setdefault(row["variant"], {}).setdefault(seen, []).append(frame)
    return found


def main() -> None:
    source, release = sys.argv[1:3]
    lines = Path(source).read_text(encoding="utf-8").splitlines()
    rows = distilled(json.loads(line) for line in lines)
    print(json.dumps({"kernel": f"Linux {release}", "count": len(lines), "rows": rows}, indent=1))


if __name__ == "__main__":
    main()
