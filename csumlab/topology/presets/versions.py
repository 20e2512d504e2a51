"""Which preset stands for a kernel."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from csumlab.topology.ages import asked, old_enough
from csumlab.topology.model import Domain
from csumlab.topology.presets import PRESETS
from csumlab.words import advice, nearest


def _version(name: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", name))


_XENLINUX: Final = (((2, 6, 18), "xenlinux-2.6.18"), ((2, 6, 16), "xen-3.0.3"), ((2, 6), "xen-3.0.0"))
"""The first version of XenLinux that a preset stands for, newest first."""

_STABLE: Final[Mapping[tuple[int, ...], str]] = {(4, 4): "linux-4.5"}
"""What stands for the stable kernels of a version, and distributions': Ubuntu's 4.4.0-21 has the fix that separates 4.4 from 4.5."""

_LINUX: Final = sorted((_version(name), name) for name in PRESETS if re.fullmatch(r"linux-[\d.]+", name))


def nearest_preset(release: str) -> tuple[str, str]:
    """The preset for a kernel, and why, as a clause. XenLinux (2.6.12 to 2.6.18) has its own; others get the first
    Linux preset that stands for none older. Release candidates are nobody's."""
    match = re.match(r"(\d{1,3})\.(\d{1,3})(?:\.(\d{1,3}))?", release)
    if match is None:
        return _LINUX[-1][1], "the kernel's version is not in the dump: the newest preset"
    version = tuple(int(part) for part in match.groups() if part)
    if version[:2] == (2, 6) and version < (2, 6, 19) and "xen" in release.lower():
        name = next(name for least, name in _XENLINUX if version >= least)
        return name, f"nearest to the dump's kernel {release}"
    if len(version) > 2 and version[:2] in _STABLE:
        return _STABLE[version[:2]], f"stands for stable kernels like the dump's {release}"
    name = next(name for _, name in _LINUX if not (until := PRESETS[name].until) or version[: len(until)] <= until)
    same = version[: len(_version(name))] == _version(name)
    return name, f"the dump's kernel is {release}" if same else f"nearest to the dump's kernel {release}"


def preset_advice(word: str) -> str:
    """What an error says of a preset that there is not: for a kernel's version the preset that stands for it."""
    kernel = re.fullmatch(r"(?:linux-)?v?(\d+\.\d[\w.+-]*)", word, re.IGNORECASE)
    if kernel:
        return f"for this kernel take {nearest_preset(kernel[1])[0]!r}, the nearest"
    if re.match(r"xen-([4-9]|3\.[1-9])", word, re.IGNORECASE) or not nearest(word, PRESETS):
        return f"it is the kernel that counts, of a Xen host dom0's (uname -r); valid: {', '.join(PRESETS)}"
    return advice(word, PRESETS)


def lacking(domain: Domain) -> dict[str, str]:
    """What a domain asks of its kernel that it has not, unless it is said to be backported: the key in its table by the word in ages.py."""
    until = PRESETS[domain.preset].until
    return {word: key for key, word in asked(domain) if not old_enough(word, until) and word not in domain.backported}


def first_with(word: str) -> str:
    """The oldest Linux preset that has what ages.py has this word for."""
    return next(name for _, name in _LINUX if old_enough(word, PRESETS[name].until))
