"""The tables and words that a topology file may have, and the one way to complain: file, line, key and the nearest valid word."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import msgspec

from csumlab.tables import ETHERNET_MTU
from csumlab.words import advice


class TopologyError(Exception):
    """A topology that cannot be used. ``str()`` names file, line where one is known, key, what is wrong, and what would be right."""

    def __init__(self, name: str, key: str, problem: str, line: int | None = None) -> None:
        self.name, self.key, self.problem, self.line = name, key, problem, line
        where = name + (f", line {line}" if line else "") + (f", {key}" if key else "")
        super().__init__(f"{where}: {problem}")


class Table(msgspec.Struct, forbid_unknown_fields=True, rename="kebab"):
    pass


class DeviceTable(Table):
    kind: str
    mac: str = ""
    address: str | list[str] = []
    features: dict[str, bool] = {}
    bridge: str = ""
    peer: str = ""
    wire: str = ""
    mtu: int = ETHERNET_MTU
    xenstore: dict[str, bool | int] = {}
    local: str = ""
    remote: str = ""
    port: int = 0
    options: dict[str, bool] = {}
    virtio: str = ""
    xdp: str = ""
    lower: str = ""
    id: int = 0
    encap: str = ""
    slots: int = 0
    fatal_slots: int = 0
    card: str = ""
    reader: str = ""
    tc_in: str = ""
    tc_out: str = ""
    segments: list[str] = []
    mode: str = ""
    bond: str = ""
    active: str = ""


class RouteTable(Table):
    to: str
    device: str
    via: str = ""


class NatTable(Table):
    kind: str
    device: str
    source: str = ""
    protocol: str = ""
    port: int = 0
    address: str = ""
    to_port: int = 0
    by: str = "conntrack"
    program: str = ""
    helper: str = ""
    destination: str = ""


class Nat64Table(Table):
    address: str
    inside: str
    prefix: str = "64:ff9b::/96"
    by: str = ""


class EditTable(Table):
    by: str
    device: str
    way: str
    protocol: str = ""
    dscp: int | None = None
    ttl: int | None = None
    ecn: int | None = None
    mss: int | None = None
    timestamps: bool = False
    strip: str = ""
    sums: list[str] = []
    program: str = ""


class MulticastTable(Table):
    device: str
    to: str
    group: str = ""


class LocalTable(Table):
    device: str = ""
    to: str = ""
    protocol: str = ""
    port: int = 0
    as_client: bool = False


class CopyTable(Table):
    device: str
    way: str
    to: str
    protocol: str = ""


class DomainTable(Table):
    preset: str = "linux-6.1"
    forwarding: bool = False
    conntrack: bool = False
    drops_invalid: bool = False
    outside: bool = False
    moves_to: str = ""
    program: str = ""
    flowtable: list[str] = []
    segments: list[str] = []
    neighbours: dict[str, str] = {}
    backported: list[str] = []
    sysctl: dict[str, bool | int] = {}
    device: dict[str, Any] = {}
    route: list[Any] = []
    nat: list[Any] = []
    edit: list[Any] = []
    nat64: list[Any] = []
    multicast: list[Any] = []
    local: list[Any] = []
    copy: list[Any] = []


class FileTable(Table):
    name: str = ""
    at: str = ""
    domain: dict[str, Any] = {}


class Reader:
    """Text of a topology, and what is asked of every part of it. Every method raises TopologyError."""

    def __init__(self, text: str, name: str) -> None:
        self.text, self.name = text, name

    def fail(self, key: str, problem: str) -> TopologyError:
        return TopologyError(self.name, key, problem, _line_of(self.text, key))

    def convert(self, table: Any, kind: type[Any], key: str) -> Any:
        """A table as a struct; unknown words get the nearest valid one."""
        if isinstance(table, dict):
            self.words(table, (field.encode_name for field in msgspec.structs.fields(kind)), key, "key")
        try:
            return msgspec.convert(table, kind)
        except msgspec.ValidationError as error:
            problem, _, place = str(error).partition(" - at `$")
            inner = place.rstrip("`").lstrip(".")
            raise self.fail(".".join(part for part in (key, inner) if part), problem) from None

    def words(self, given: Iterable[str], valid: Iterable[str], key: str, what: str) -> None:
        valid = list(valid)
        for word in given:
            if word not in valid:
                hint = advice(word, valid)
                raise self.fail(f"{key}.{word}" if what == "key" and key else key or word, f"unknown {what} {word!r}; {hint}")

    def word(self, given: str, valid: Iterable[str], key: str, what: str) -> None:
        """One that may be left out."""
        self.words([given] if given else [], valid, key, what)

    def port_number(self, number: int, key: str) -> None:
        if not 0 <= number <= 0xFFFF:
            raise self.fail(key, f"{number} is no port number")

    def value(self, parse: Any, text: str, key: str, wanted: str) -> Any:
        try:
            return parse(text)
        except ValueError:
            raise self.fail(key, f"{text!r} is not {wanted}") from None


def _line_of(text: str, key: str) -> int | None:
    """The line of a dotted key: the deepest table header or assignment of it that can be found."""
    lines = text.splitlines()
    parts = key.split(".")
    for cut in range(len(parts), 0, -1):
        head = ".".join(parts[:cut])
        for number, line in enumerate(lines, 1):
            stripped = line.split("#")[0].strip()
            if not stripped.startswith("[") or stripped.strip("[] ").replace('"', "") != head:
                continue
            word = ".".join(parts[cut:]).split(".")[0]
            for offset, inner in enumerate(lines[number:], number + 1):
                if inner.strip().startswith("["):
                    break
                if word and re.match(rf'\s*"?{re.escape(word)}"?\s*=', inner):
                    return offset
            return number
    return next((n for n, line in enumerate(lines, 1) if re.match(rf'\s*"?{re.escape(parts[0])}"?\s*=', line)), None)
