"""The HTML report without a browser: what it says, what it never lets in, how large it may be, and the drawings by themselves."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import frames
import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from thoroughness import TIMES

from csumlab.capture import PcapngWriter
from csumlab.cli import cli
from csumlab.collect import by_harm
from csumlab.explain import Explanation, explain_each
from csumlab.gathered import is_fragment
from csumlab.hopbytes import hop_bytes
from csumlab.outcome import Settings
from csumlab.replaying import replay, tap_of
from csumlab.report.harm import replay_verdict
from csumlab.report.hostmap import draw_host
from csumlab.report.page import report_page
from csumlab.report.pathmap import draw_path
from csumlab.report.placing import place
from csumlab.report.ways import stations
from csumlab.survey import BINS, LATEST, Timeline
from csumlab.topology.load import load_topology, parse_topology
from csumlab.topology.model import Topology
from csumlab.trace import Fate

CAPTURES = Path(__file__).parents[1] / "captures"
FOLDERS = sorted(path.parent.name for path in CAPTURES.glob("*/topology.toml") if (path.parent / "traffic.pcapng").exists())
ROUTER = "xen-3.0.0-domu-router"
VOID = {"meta", "link", "br", "img", "input", "hr"}
SHAPES = {"rect", "path", "line", "circle", "polygon"}


def settings_of(folder: str) -> Settings:
    topology = load_topology(CAPTURES / folder / "topology.toml")
    return Settings(topology, tap_of(topology, ""))


def page_of(folder: str) -> str:
    return report_page(CAPTURES / folder / "traffic.pcapng", settings_of(folder)).html


class Reader(HTMLParser):
    """Holds a page to what a page has to be: every element closed, ids once, no attribute that runs or fetches anything."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: dict[str, int] = {}
        self.ids: list[str] = []
        self.wanted: list[str] = []
        self.headings: list[int] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] = self.tags.get(tag, 0) + 1
        if tag not in VOID:
            self.open.append(tag)
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        for name, value in attrs:
            assert not name.startswith("on"), name
            assert name not in ("style", "src", "srcset", "action", "xlink:href"), name
            if name == "href":
                assert (value or "").startswith("#"), value
                self.wanted.append((value or "")[1:])
            if name in ("aria-labelledby", "aria-controls", "aria-describedby"):
                self.wanted += (value or "").split()
            if name == "id":
                self.ids.append(value or "")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("folder", FOLDERS[::12])
def test_scenarios_make_sound_pages(folder: str) -> None:
    """Well formed, one h1, no heading level skipped, every id once and every reference met, the worst finding's command in it."""
    text = page_of(folder)
    page = Reader(text)
    assert page.tags["h1"] == 1
    assert all(after <= before + 1 for before, after in zip(page.headings, page.headings[1:], strict=False))
    assert len(page.ids) == len(set(page.ids))
    assert set(page.wanted) <= set(page.ids)
    assert page.tags["script"] == page.tags["style"] == 1
    assert len(text) < 1_500_000


def test_the_verdict_comes_first_with_the_command_and_how_to_undo_it() -> None:
    """Two sentences: what is wrong and since where, what to type; then the command itself and its undoing."""
    text = page_of("vxlan-masquerade")
    first = text[text.index("<h1") : text.index('id="host"')]
    assert "A translation breaks a checksum: 5 of 10 packets, since host:eth0, on the way out." in first
    assert "type the first command below in pod" in first
    assert first.index("<code>ethtool -K vxlan0 tx off</code>") < first.index("<code>ethtool -K vxlan0 tx on</code>")


def test_without_a_host_it_is_what_check_says(tmp_path: Path) -> None:
    """The verdict of check, the wrong packet's bytes, and a topology to go on with."""
    path = tmp_path / "wrong.pcapng"
    right = frames.ethernet(frames.ipv4(frames.tcp(b"some data"))).data
    with PcapngWriter(path) as file:
        interface = file.add_interface(1)
        for packet in (right, right[:-1] + b"X"):
            file.write(packet, interface=interface)
    page = report_page(path)
    assert page.status == 1
    assert "Checksums are wrong for real" in page.html or "This capture alone cannot tell" in page.html
    assert "Packet 2, with its bytes" in page.html
    assert "[domain.host.device.eth0]" in page.html
    assert "--topology host.toml" in page.html


HOSTILE = "\"><script>alert(1)</script><img src=x onerror=alert(2)>{{ 7*7 }}\u202e'&\x1b[31m"


def test_nothing_from_outside_is_markup(tmp_path: Path) -> None:
    """File name, interface name, comments, names in the topology: text, and no script of theirs in a page, whatever they hold."""
    path = tmp_path / ("$(touch x)" + HOSTILE.replace("/", "_") + ".pcapng")
    frame = frames.ethernet(frames.ipv4(frames.tcp(b"<script>alert(3)</script>"), "192.0.2.10", "192.0.2.20")).data
    with PcapngWriter(path) as file:
        interface = file.add_interface(1, name=HOSTILE, description=HOSTILE)
        file.write(frame[:-1] + b"!", interface=interface, comment=HOSTILE)
    topology = parse_topology(
        f"""
name = {json.dumps("<i>host</i>{{ 8*8 }}")}
[domain.{json.dumps("a<script x")}.device.{json.dumps("eth<b 0")}]
kind = "nic"
wire = {json.dumps("</svg><script>")}
address = ["192.0.2.10/24"]
[domain.b.device.eth0]
kind = "nic"
wire = {json.dumps("</svg><script>")}
address = ["192.0.2.20/24"]
"""
    )
    for page in (report_page(path), report_page(path, Settings(topology, tap_of(topology, "b:eth0")))):
        found = Reader(page.html)
        assert found.tags["script"] == 1
        assert "img" not in found.tags
        assert "alert(1)</script>" not in page.html
        assert "<script>alert" not in page.html
        assert "49" not in re.findall(r"<title>(.*?)</title>", page.html)[0]
        assert "\x1b" not in page.html
        assert "\u202e" not in page.html


def test_the_policy_names_the_one_style_and_the_one_script() -> None:
    """The hashes of the content security policy are those of what stands in the page; everything else is forbidden."""
    text = page_of("linux-6.1-bridge")
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)
    assert policy is not None
    assert "default-src &#39;none&#39;" in policy[1]
    for tag in ("style", "script"):
        inside = re.search(f"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        assert inside is not None
        digest = base64.b64encode(hashlib.sha256(inside[1].encode()).digest()).decode()
        assert f"{tag}-src &#39;sha256-{digest}&#39;" in policy[1]


def test_the_size_depends_on_classes_not_on_packets(tmp_path: Path) -> None:
    """A hundred times the packets, and the page grows by a few digits."""
    sizes = []
    frame = frames.ethernet(frames.ipv4(frames.tcp(b"data"))).data
    for number, times in enumerate((20, 2000)):
        path = tmp_path / f"{number}.pcapng"
        with PcapngWriter(path) as file:
            interface = file.add_interface(1)
            for place in range(times):
                file.write(frame if place % 3 else frame[:-1] + b"!", interface=interface, timestamp_ns=place * 1000)
        sizes.append(len(report_page(path).html))
    assert abs(sizes[1] - sizes[0]) < 0.2 * sizes[0]


def test_it_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    """Statuses of replay, one file in the end, none if the capture cannot be read, no half one if the place cannot be written."""
    folder = CAPTURES / ROUTER
    out = tmp_path / "report.html"
    words = ["report", str(folder / "traffic.pcapng"), "-t", str(folder / "topology.toml"), "-o"]
    assert CliRunner().invoke(cli, [*words, str(out)]).exit_code == 1
    assert out.read_text().endswith("</html>\n")
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]
    out.unlink()
    (tmp_path / "none.pcap").write_bytes(b"")
    missing = CliRunner().invoke(cli, ["report", str(tmp_path / "none.pcap"), "-o", str(out)])
    assert missing.exit_code == 2
    assert not out.exists()
    nowhere = CliRunner().invoke(cli, [*words, str(tmp_path / "no" / "such" / "folder.html")])
    assert nowhere.exit_code == 2
    assert "cannot be written" in nowhere.output
    assert CliRunner().invoke(cli, ["report", "-", "-o", str(out)]).exit_code == 2
    assert CliRunner().invoke(cli, [*words, "-"]).stdout_bytes.endswith(b"</html>\n")


def test_it_has_a_name_of_its_own_and_says_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without -o the page is named after the capture, in this folder. The terminal shows what it begins with; that it is there and what to
    do with it is said beside the output."""
    (tmp_path / "some.day.pcapng.gz").write_bytes(gzip.compress((CAPTURES / ROUTER / "traffic.pcapng").read_bytes()))
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(cli, ["report", "some.day.pcapng.gz"])
    assert (tmp_path / "some.day.html").read_text().endswith("</html>\n")
    assert " ".join(done.stdout.split()).endswith("Nothing is wrong.")
    assert "wrote some.day.html: open it" in done.stderr


def test_a_cut_capture_says_so_first(tmp_path: Path) -> None:
    """The fault stands above the verdict, and the status is 2."""
    path = tmp_path / "cut.pcapng"
    path.write_bytes((CAPTURES / ROUTER / "traffic.pcapng").read_bytes()[:-30])
    page = report_page(path, settings_of(ROUTER))
    assert page.status == 2
    assert 0 < page.html.index("PARTIAL RESULT") < page.html.index("<h1")


@pytest.mark.parametrize(
    "folder", [one if place % 6 == 1 else pytest.param(one, marks=pytest.mark.long) for place, one in enumerate(FOLDERS)]
)
def test_bytes_at_every_hop_are_what_the_forms_say(folder: str) -> None:
    """The plain executor makes the bytes of every hop, and each field and verdict is that of the symbolic walk."""
    chosen = settings_of(folder)
    explained = explain_each(CAPTURES / folder / "traffic.pcapng", (1, 2), chosen)
    seen = 0
    for one in explained.values():
        if not isinstance(one, Explanation):
            continue
        held = hop_bytes(one, chosen)
        assert len(held) == len(one.views)
        for number, (view, there) in enumerate(zip(one.views, held, strict=True)):
            if there is None:
                # Before the capture point bytes are shown only if walking from the sender brings exactly the captured ones there. A
                # fragment's are shown until its datagram is put together.
                assert number < one.trace.tap or one.trace.fate is Fate.UNTOLD or is_fragment(one.facts), view.hop
                continue
            for field, checksum in zip(view.after, there.sums, strict=True):
                assert field.value in (None, checksum.field), (view.hop, field, checksum)
                assert field.verdict in (None, checksum.verdict) or checksum.residue is None, (view.hop, field, checksum)
                seen += 1
        tap = held[one.trace.tap]
        assert tap is not None
        assert one.data.endswith(tap.data)
    assert seen


def test_a_cut_packet_shows_its_bytes_only_where_it_was_captured(tmp_path: Path) -> None:
    """What the snap length cut off nobody can sum: no bytes are shown for other hops."""
    chosen = settings_of("linux-6.1-bridge")
    first = explain_each(CAPTURES / "linux-6.1-bridge" / "traffic.pcapng", (1,), chosen)[1]
    assert isinstance(first, Explanation)
    path = tmp_path / "cut.pcapng"
    with PcapngWriter(path) as file:
        interface = file.add_interface(1)
        file.write(first.data[:-4], interface=interface, original=len(first.data))
    one = explain_each(path, (1,), chosen)[1]
    assert isinstance(one, Explanation)
    held = hop_bytes(one, chosen)
    assert [number for number, there in enumerate(held) if there is not None] == [one.trace.tap]


@pytest.mark.parametrize("folder", FOLDERS[2::12])
def test_drawings_are_svg_and_nothing_lies_on_anything(folder: str) -> None:
    """Host and path parse as XML, have a title and a description; devices are inside their domains and no two overlap."""
    chosen = settings_of(folder)
    one = explain_each(CAPTURES / folder / "traffic.pcapng", (1,), chosen)[1]
    assert isinstance(one, Explanation)
    for text in (draw_host(chosen.topology, stations(one), at=chosen.topology.at), draw_path(one)):
        root = ElementTree.fromstring(text)
        space = "{http://www.w3.org/2000/svg}"
        assert root.findtext(f"{space}title")
        assert root.findtext(f"{space}desc")
        assert {element.tag.removeprefix(space) for element in root.iter()} <= SHAPES | {"svg", "g", "title", "desc", "text", "style"}
    _no_overlap(chosen.topology)


def test_many_guests_are_laid_out() -> None:
    """Sixty guests on one bridge: still no box on another."""
    text = '[domain.host.device.br0]\nkind = "bridge"\n[domain.host.device.eth0]\nkind = "nic"\nwire = "lan"\nbridge = "br0"\n'
    for number in range(60):
        text += f'[domain.host.device.vnet{number}]\nkind = "tap"\npeer = "g{number}:eth0"\nbridge = "br0"\n'
        text += f'[domain.g{number}.device.eth0]\nkind = "virtio"\naddress = ["192.0.2.{number + 10}/24"]\n'
    _no_overlap(parse_topology(text))


def _no_overlap(topology: Topology) -> None:
    placing = place(topology)
    assert set(placing.chips) == set(topology.ports)
    for boxes in (list(placing.chips.values()), list(placing.domains.values())):
        for number, one in enumerate(boxes):
            for other in boxes[number + 1 :]:
                apart = one.x + one.width <= other.x or other.x + other.width <= one.x
                assert apart or one.y + one.height <= other.y or other.y + other.height <= one.y
    for port, chip in placing.chips.items():
        home = placing.domains[port.domain]
        assert home.x <= chip.x
        assert chip.x + chip.width <= home.x + home.width
        assert home.y <= chip.y
        assert chip.y + chip.height <= home.y + home.height
        assert chip.x + chip.width <= placing.width
        assert chip.y + chip.height <= placing.height


@settings(max_examples=60 * TIMES, deadline=None)
@given(st.lists(st.lists(st.integers(-(2**63), 2**63 - 1) | st.integers(0, 1000), min_size=1, max_size=5), min_size=1, max_size=6))
def test_a_timeline_loses_no_packet(batches: list[list[int]]) -> None:
    """Whatever the times and their order: every packet is counted, and stands in a stretch that lies where it was."""
    line = Timeline()
    for batch in batches:
        line.add("a", np.array(batch, np.int64))
    times = [min(max(0, time), LATEST) for batch in batches for time in batch]
    counts = line.of("a")
    assert len(counts) == BINS
    assert int(counts.sum()) == len(times)
    expected = np.bincount([min((time - line.start) // line.width, BINS - 1) for time in times], minlength=BINS)
    assert counts.tolist() == expected.tolist()
    assert line.last == max(times)


def test_what_is_certain_comes_before_what_depends() -> None:
    """A finding with an "if" never leads while there is one without, and alone it makes a verdict that says may and if."""
    topology = settings_of("vxlan-masquerade")
    result = replay(CAPTURES / "vxlan-masquerade" / "traffic.pcapng", topology.topology)
    sure = next(finding for finding in result.findings if finding.code == "CSL102")
    depends = replace(sure, code="CSL301", condition="if it was sent by outside")
    assert by_harm((depends, sure)) == [sure, depends]
    verdict = replay_verdict(replace(result, findings=(depends,)))
    assert (verdict.tone, verdict.word) == ("doubt", "Something may be wrong")
    assert "if it was sent by outside" in verdict.sentences[0]
    clean = replay_verdict(replace(result, findings=()))
    assert (clean.tone, clean.word) == ("good", "Nothing is wrong")
