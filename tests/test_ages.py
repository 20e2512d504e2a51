"""What a kernel has, by its version: a preset refuses what came later, and says what to do."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest
from dumped import dump_of

from csumlab.host.dump import parse_dump
from csumlab.host.loading import load_host
from csumlab.topology.ages import AGES, old_enough
from csumlab.topology.load import TopologyError, load_topology, parse_topology
from csumlab.topology.model import CARRIAGES, DeviceKind
from csumlab.topology.options import FEATURES, OPTIONS
from csumlab.topology.presets import PRESETS
from csumlab.topology.presets.versions import first_with
from csumlab.topology.written import to_toml

TUNNEL = """
[domain.a]
preset = "PRESET"
MORE
[domain.a.device.eth0]
kind = "nic"
wire = "lan"
address = ["192.0.2.1/24", "2001:db8::1/64"]
OF_CARD
[domain.a.device.t]
kind = "gre"
local = "192.0.2.1"
remote = "192.0.2.9"
OF_TUNNEL
"""


def host(preset: str, **texts: str) -> str:
    text = TUNNEL.replace("PRESET", preset)
    for word in ("MORE", "OF_CARD", "OF_TUNNEL"):
        text = text.replace(word, texts.get(word, ""))
    return text


def of_kind(kind: str) -> dict[str, str]:
    return {"OF_TUNNEL": f'[domain.a.device.u]\nkind = "{kind}"\nlocal = "192.0.2.1"\nremote = "192.0.2.7"'}


@pytest.mark.parametrize(
    ("preset", "texts", "key", "word", "first"),
    [
        ("linux-5.6", of_kind("bareudp"), "device.u.kind", "bareudp", "linux-5.7"),
        ("linux-4.9", of_kind("erspan"), "device.u.kind", "erspan", "linux-4.17"),
        ("linux-3.13", of_kind("wireguard"), "", "", ""),
        ("linux-2.6.36", of_kind("vxlan"), "device.u.kind", "vxlan", "linux-2.6.39"),
        ("linux-2.6.39", of_kind("wireguard"), "device.u.kind", "wireguard", "linux-3.10"),
        ("linux-4.5", {"OF_CARD": 'xdp = "pass"'}, "device.eth0.xdp", "xdp", "linux-4.7"),
        ("linux-4.7", {"OF_CARD": 'xdp = "generic pass"'}, "device.eth0.xdp", "xdp-generic", "linux-4.9"),
        ("linux-4.9", {"OF_CARD": 'xdp = "redirect eth0"'}, "device.eth0.xdp", "xdp-redirect", "linux-4.17"),
        ("linux-4.9", {"OF_CARD": "features = { rx-gro-list = true }"}, "device.eth0.features", "rx-gro-list", "linux-5.6"),
        ("linux-4.9", {"OF_CARD": "features = { rx-gro-list = false }"}, "", "", ""),
        ("linux-4.17", {"OF_CARD": "options = { udp-segment = true }"}, "device.eth0.options", "udp-segment", "linux-4.19"),
        ("linux-3.10", {"OF_TUNNEL": 'encap = "gue"'}, "device.t.encap", "gue", "linux-3.13"),
        ("linux-4.9", {"MORE": 'flowtable = ["eth0"]'}, "flowtable", "flowtable", "linux-4.17"),
        ("linux-4.9", {"MORE": 'segments = ["fc00::1"]'}, "segments", "seg6", "linux-4.17"),
        ("linux-4.4", {"OF_TUNNEL": '[[domain.a.edit]]\nby = "nft"\ndevice = "eth0"\nway = "in"\nttl = 3'}, "edit", "nft", "linux-4.5"),
        ("freebsd-15", of_kind("bareudp"), "", "", ""),
        ("linux-6.18", of_kind("bareudp"), "", "", ""),
    ],
)
def test_a_kernel_has_what_its_version_has(preset: str, texts: dict[str, str], key: str, word: str, first: str) -> None:
    """The error names the key, the version that brought it, the preset to take, and what to say of a distribution's kernel."""
    text = host(preset, **texts)
    if not word:
        parse_topology(text, "host.toml")
        return
    with pytest.raises(TopologyError) as raised:
        parse_topology(text, "host.toml")
    said = str(raised.value)
    assert (raised.value.name, raised.value.key) == ("host.toml", f"domain.a.{key}")
    assert f"{preset} has no {word}, which is of Linux {'.'.join(map(str, AGES[word].since))} (" in said
    assert f"take the preset {first!r} or a later one" in said
    assert f'backported = ["{word}"] in [domain.a]' in said
    parse_topology(text.replace(preset, first, 1), "host.toml")
    backported = parse_topology(text.replace("[domain.a]\n", f'[domain.a]\nbackported = ["{word}"]\n', 1))
    assert parse_topology(to_toml(backported)).domains == backported.domains


def test_what_is_backported_is_a_word_that_is_known() -> None:
    with pytest.raises(TopologyError, match=r"unknown thing that came with a version of Linux 'bareupd'; did you mean 'bareudp'"):
        parse_topology(host("linux-4.4", MORE='backported = ["bareupd"]'))


def test_words_are_those_of_topologies() -> None:
    """What is no word of its own here names one: a kind over IPv6, a way of a program."""
    known = {kind.value for kind in DeviceKind} | {word for one in CARRIAGES.values() for word in one.layers} | {*OPTIONS, *FEATURES}
    known |= {name for preset in PRESETS.values() for name in preset.editors} | {"flowtable", "passthru", "l3s", "tc-ingress"}
    assert {word for word in AGES if word not in known} == {
        *(f"{word}-over-ipv6" for word in ("gre", "vxlan", "fou", "erspan")),
        *(f"xdp-{word}" for word in ("virtio", "veth", "generic", "redirect", "forward", "socket")),
    }


def test_each_preset_of_linux_ends_where_the_next_begins() -> None:
    """Versions in ascending order, each preset among those that it stands for, the newest without an end."""
    found = sorted(
        (tuple(map(int, name.removeprefix("linux-").split("."))), one.until)
        for name, one in PRESETS.items()
        if re.fullmatch(r"linux-[\d.]+", name)
    )
    assert found[-1][1] == ()
    assert all(version <= (*until, 99) for version, until in found[:-1])
    assert all(until < version for (_, until), (version, _) in itertools.pairwise(found))


def test_what_every_preset_may_lack_some_later_one_has() -> None:
    for word, age in AGES.items():
        assert old_enough(word, PRESETS[first_with(word)].until)
        assert re.search(r"commit [0-9a-f]{12}|\.c|\.md|System Requirements", age.source), word


def test_a_distributions_kernel_with_more(tmp_path: Path) -> None:
    """What the dump shows is there, whatever Linux of that version has."""
    dump = dump_of(
        "ip-link here\n"
        "2: eth0: <UP> mtu 1500\n    link/ether 02:00:00:00:00:01\n"
        "3: gnv0: <UP> mtu 1450\n    link/ether 02:00:00:00:00:02\n    geneve id 1 remote 192.0.2.9 local 192.0.2.1 dstport 6081",
        "ip-addr here\n2: eth0: <UP>\n    inet 192.0.2.1/24",
    )
    made = load_host(parse_dump(dump.replace(b"6.1.0", b"3.10.0-1160.el7.x86_64")))
    assert 'preset = "linux-3.10"' in made.text
    assert 'backported = ["geneve"]  # it is there, although Linux of this version has none' in made.text
    path = tmp_path / "host.toml"
    path.write_text(made.text, encoding="utf-8")
    assert load_topology(path).domains["host"].backported == ("geneve",)
