"""What the name of a scenario stands for: a folder, a shipped folder, or a documented bug with all folders that show it."""

from __future__ import annotations

import os
from pathlib import Path

from csumlab import catalogue as bugs
from csumlab.catalogue import Entry


class ScenarioError(Exception):
    """A folder that is no scenario, or a name that stands for none; ``str()`` says what is missing or wrong."""


def captures_folder(given: str | os.PathLike[str] = "") -> Path:
    """Where the shipped scenarios are: ``given``, or ``captures`` below the working directory or beside the package in a source tree; they
    are not installed with it. Raises ScenarioError, which says where to get them."""
    places = [Path(given)] if given else [Path("captures"), Path(__file__).parents[1] / "captures"]
    for place in places:
        if next(place.glob("*/expected.toml"), None) is not None:
            return place
    raise ScenarioError(
        f"there are no scenario folders in {' or '.join(map(str, places))}: they are in captures/ of csumlab's source tree and are not "
        "installed; run this in a source tree, or say where they are with --captures (in Python captures=...)"
    )


def scenario_folders(name: str | os.PathLike[str], captures: str | os.PathLike[str] = "") -> list[tuple[Entry | None, Path]]:
    """The folders that ``name`` stands for, those of a bug with its entry: a folder before an entry of the catalogue, by id or slug, before
    the name of a shipped folder. Raises ScenarioError."""
    word = os.fspath(name)
    if Path(word).is_dir():
        return [(None, Path(word))]
    entry = bugs.catalogue().find(word)
    if entry is not None and not entry.folders:
        raise ScenarioError(f"{entry.id} {entry.slug} has no scenario: {entry.reason}")
    try:
        shipped = captures_folder(captures)
    except ScenarioError as error:
        raise ScenarioError(f"{word}: {error}") from None
    if entry is not None:
        return [(entry, shipped / folder) for folder in entry.folders]
    if (shipped / word / "expected.toml").is_file():
        return [(None, shipped / word)]
    near = " or ".join(bugs.catalogue().near(word))
    raise ScenarioError(
        f"{word}: no scenario folder with an expected.toml, and no bug of this id or slug"
        + (f"; did you mean {near}?" if near else "; csumlab scenario list")
    )
