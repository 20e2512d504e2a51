"""Live capture: frames in known states go through real devices and come out of the file with exactly those states."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import frames
import live_tshark
import pytest
import walks
from live_devices import ROOT, Pair, Sent, contents_of, ip, is_running, open_tun, program, recording, until

import csumlab
from csumlab.capture.block import CHECKSUM_NOT_READY, CHECKSUM_VALID, INBOUND, OUTBOUND, SEGMENTATION_OFFLOAD
from csumlab.headers import Link
from csumlab.inet import residue
from csumlab.live import LiveError, Place, Rotation, Wishes, parse_place, record
from csumlab.live.files import Files
from csumlab.live.filters import NOTHING, compile_filter, everything
from csumlab.live.namespaces import within
from csumlab.replaying import replay

HAS_ROOT: Final = os.geteuid() == 0 and shutil.which("ip") is not None
needs_root = [pytest.mark.needs_root, pytest.mark.skipif(not HAS_ROOT, reason="network namespaces need root and the program ip")]
needs_tun = pytest.mark.skipif(not os.path.exists("/dev/net/tun"), reason="there is no /dev/net/tun")
needs_setpriv = pytest.mark.skipif(shutil.which("setpriv") is None, reason="capabilities are taken away by setpriv")

NEEDS_CSUM, DATA_VALID = 1, 2
TCP_FRAME, UDP_FRAME = (walks.packets_between("192.0.2.11", "198.51.100.80", 4)[name] for name in ("tcp", "udp"))


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    here, there = (f"csumlab-{os.getpid()}-{side}" for side in ("a", "b"))
    try:
        for name in (here, there):
            ip("netns", "add", name)
            within(f"/run/netns/{name}", without_ipv6)
        # With different indexes the ends are up at once (net/core/link_watch.c linkwatch_urgent_event).
        ip("-n", here, "link", "add", "near", "index", "11", "type", "veth", "peer", "name", "far", "index", "12", "netns", there)
        ip("-n", there, "link", "set", "far", "up")
        ip("-n", here, "link", "set", "near", "up")
        pair = Pair(parse_place(f"{here}:near"), parse_place(f"netns:{there}:far"))
        until(lambda: all(within(end.namespace, lambda end=end: is_running(end.interface)) for end in (pair.near, pair.far)))  # type: ignore[misc]
        yield pair
    finally:
        for name in (here, there):
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)


def without_ipv6() -> None:
    """Devices made in this namespace from now on say nothing of their own."""
    switch = Path("/proc/sys/net/ipv6/conf/default/disable_ipv6")
    if switch.exists():
        switch.write_text("1")


def partial(name: str, version: int = 4) -> bytes:
    addresses = ("192.0.2.11", "198.51.100.80") if version == 4 else ("2001:db8:2::11", "2001:db8:9::80")
    return walks.packets_between(*addresses, version, payload=b"some payload")[f"{name}, partial"]


def super_frame() -> bytes:
    """4,000 bytes of payload with the pseudo-header's sum."""
    frame = frames.ethernet(frames.ipv4(frames.tcp(bytes(4000))))
    plan = frame.sums[-1]
    return frames.patch(frame.data, plan.at, residue(plan.pseudo))


TAGGED: Final = UDP_FRAME[:12] + b"\x81\x00\x00\x05" + partial("udp")[12:]
THROUGH_VETH: Final = {
    "plain": (Sent(UDP_FRAME), 0, (0, 0, 0, 0, 0)),
    "wrong sum": (Sent(UDP_FRAME[:-1] + b"?"), 0, (0, 0, 0, 0, 0)),
    "UDP partial": (Sent(partial("udp"), NEEDS_CSUM, 34, 6), CHECKSUM_NOT_READY, (NEEDS_CSUM, 0, 0, 34, 6)),
    "TCP over IPv6 partial": (Sent(partial("tcp", 6), NEEDS_CSUM, 54, 16), CHECKSUM_NOT_READY, (NEEDS_CSUM, 0, 0, 54, 16)),
    "GSO": (
        Sent(super_frame(), NEEDS_CSUM, 34, 16, 1, 1000),
        CHECKSUM_NOT_READY | SEGMENTATION_OFFLOAD,
        (NEEDS_CSUM, 1, 1000, 34, 16),
    ),
    "UDP partial in a VLAN": (Sent(TAGGED, NEEDS_CSUM, 38, 6), CHECKSUM_NOT_READY, (NEEDS_CSUM, 0, 0, 38, 6)),
}
"""Frame and state -> bits 9 to 11 of epb_flags, and vnet flags, gso type, gso size, csum_start, csum_offset."""


@pytest.fixture(scope="module")
def both(pair: Pair, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A capture of THROUGH_VETH on both ends of the pair at once."""
    path = tmp_path_factory.mktemp("live") / "both.pcapng"
    with recording(path, pair.near, pair.far):
        pair.send(*(sent for sent, _, _ in THROUGH_VETH.values()))
    return path


class TestThroughDevices:
    pytestmark = needs_root

    @pytest.mark.parametrize("name", THROUGH_VETH)
    def test_states_come_out_as_they_went_in(self, both: Path, pair: Pair, name: str) -> None:
        """Leaving one end of a veth pair and arriving at the other every frame has its bytes, direction, flags and offsets; a VLAN tag
        that the receiving kernel took out is back, and csum_start counts with it."""
        sent, flags, numbers = THROUGH_VETH[name]
        place = list(THROUGH_VETH).index(name)
        told = contents_of(both).packets[2 * place : 2 * place + 2]
        broadcast_or_other = (told[1].flags >> 2) & 7
        assert [one.interface for one in told] == [pair.near.text, pair.far.text]
        assert [one.frame for one in told] == [sent.frame, sent.frame]
        assert [one.original for one in told] == [len(sent.frame)] * 2
        assert [one.flags for one in told] == [OUTBOUND | flags, INBOUND | broadcast_or_other << 2 | flags]
        assert broadcast_or_other == 4, "the frame is to an address that the far end does not have"
        for one in told:
            vnet_flags, gso_type, _, gso_size, start, offset, zero, status = one.numbers
            assert (vnet_flags, gso_type, gso_size, start, offset, zero) == (*numbers, 0)
            assert bool(status & 1 << 3) is bool(flags & CHECKSUM_NOT_READY)
        wanted = [
            text for bit, text in ((CHECKSUM_NOT_READY, f"csum_start {numbers[3]}"), (SEGMENTATION_OFFLOAD, "GSO: TCPv4")) if flags & bit
        ]
        assert all(text in one.comment for text in wanted for one in told)
        assert bool(told[0].comment) is bool(flags)

    def test_interfaces_are_described(self, both: Path, pair: Pair) -> None:
        """Each has its name, its namespace, its driver, and the features that ethtool would print."""
        found = contents_of(both)
        assert [found.name(number) for number in range(2)] == [pair.near.text, pair.far.text]
        assert found.linktypes == [Link.ETHERNET, Link.ETHERNET]
        for options, place in zip(found.interfaces, (pair.near, pair.far), strict=True):
            assert f"{place.interface} in network namespace {place.namespace}, ifindex" in options[3].decode()
            assert options[3].endswith(b", driver veth")
            features = options[1].decode().splitlines()[1:]
            assert "tx-checksum-ip-generic: on" in features
            assert "tx-checksum-ipv4: off [fixed]" in features
        assert [numbers[6] for numbers in found.statistics.values()] == [len(THROUGH_VETH)] * 2
        assert [numbers[7] for numbers in found.statistics.values()] == [0, 0]

    def test_features_are_those_of_the_moment(self, pair: Pair, tmp_path: Path) -> None:
        """Features are recorded as ethtool prints them. One that was switched off is recorded as off, and so is what that makes of a frame:
        its sum is filled before the device."""
        ethtool = shutil.which("ethtool")
        if ethtool is None:
            pytest.skip("features are changed by ethtool, which is not installed")
        namespace = os.path.basename(pair.near.namespace)
        change = [ethtool, "-K", "near", "tx-checksum-ip-generic"]
        subprocess.run(["ip", "netns", "exec", namespace, *change, "off"], check=True, capture_output=True)
        try:
            shown = subprocess.run(
                ["ip", "netns", "exec", namespace, ethtool, "-k", "near"], check=True, capture_output=True, text=True
            ).stdout
            printed = dict(line.strip().removesuffix(" [requested on]").split(": ") for line in shown.splitlines()[1:])
            with recording(tmp_path / "a.pcapng", pair.near):
                pair.send(Sent(partial("udp"), NEEDS_CSUM, 34, 6))
        finally:
            subprocess.run(["ip", "netns", "exec", namespace, *change, "on"], check=True, capture_output=True)
        found = contents_of(tmp_path / "a.pcapng")
        recorded = dict(line.split(": ") for line in found.interfaces[0][1].decode().splitlines()[1:])
        assert recorded["tx-checksum-ip-generic"] == "off"
        same = {name for name, value in recorded.items() if printed.get(name) == value}
        assert len(same) > 25
        assert same == recorded.keys() & printed.keys()
        assert [packet.flags for packet in found.packets] == [OUTBOUND]
        assert found.packets[0].frame != partial("udp")

    @needs_tun
    def test_what_a_tap_brings(self, pair: Pair, tmp_path: Path) -> None:
        """A guest's frame through a TAP device: owed as the guest said; plain ones are verified by GRO and marked as valid; a wrong one
        is not. Packets of a TUN device begin with the IP header."""
        tap = within(pair.near.namespace, lambda: open_tun("tap0", 0x0002 | 0x0010))
        tun = within(pair.near.namespace, lambda: open_tun("tun0", 0x0001))
        places = [Place(name, pair.near.namespace, name) for name in ("tap0", "tun0")]
        try:
            for name in ("tap0", "tun0"):
                ip("-n", os.path.basename(pair.near.namespace), "link", "set", name, "up")
            with recording(tmp_path / "a.pcapng", *places):
                for sent in (Sent(TCP_FRAME), Sent(TCP_FRAME[:-1] + b"?"), Sent(partial("tcp"), NEEDS_CSUM, 34, 16)):
                    os.write(tap, sent.packed())
                os.write(tun, Sent(partial("udp")[14:], NEEDS_CSUM, 20, 6).packed())
        finally:
            os.close(tap)
            os.close(tun)
        found = contents_of(tmp_path / "a.pcapng")
        bits = CHECKSUM_NOT_READY | CHECKSUM_VALID
        states = [(packet.interface, packet.flags & bits, packet.numbers[0], packet.numbers[4:6]) for packet in found.packets]
        assert found.linktypes == [Link.ETHERNET, Link.RAW]
        assert states == [
            ("tap0", CHECKSUM_VALID, DATA_VALID, (0, 0)),
            ("tap0", 0, 0, (0, 0)),
            ("tap0", CHECKSUM_NOT_READY, NEEDS_CSUM, (34, 16)),
            ("tun0", CHECKSUM_NOT_READY, NEEDS_CSUM, (20, 6)),
        ]
        assert csumlab.check(tmp_path / "a.pcapng").packets == 4

    def test_check_believes_it(self, both: Path) -> None:
        """What was captured as still owed has the cause "flagged", not a guess, and the wrong one has another."""
        causes = {number: group.cause.name for group in csumlab.check(both).groups for number in group.numbers}
        assert causes == {3: "wrong", 4: "wrong"} | dict.fromkeys(range(5, 13), "flagged")

    def test_replay_believes_it(self, pair: Pair, tmp_path: Path) -> None:
        """The same bytes, a wrong sum, captured once as still owed and once not: the first is computed on the way, and the damage
        hidden; the second is caught."""
        frame = walks.packets_between("198.51.100.80", "192.0.2.11", 4)["tcp, damaged"]
        with recording(tmp_path / "a.pcapng", pair.near):
            pair.send(Sent(frame, NEEDS_CSUM, 34, 16), Sent(frame))
        result = replay(tmp_path / "a.pcapng", ROOT / "captures" / "linux-6.1-bridge" / "topology.toml")
        assert sorted((finding.code, finding.first) for finding in result.findings) == [("CSL001", (2,)), ("CSL301", (1,))]

    @pytest.mark.needs_program
    @pytest.mark.skipif(not live_tshark.HERE, reason=live_tshark.MISSING)
    def test_tshark_reads_it(self, both: Path, pair: Pair) -> None:
        """tshark finds the interface names, the flags and the comments, and no block that it cannot read."""
        command = [
            "tshark",
            "-n",
            "-r",
            str(both),
            "-T",
            "fields",
            "-e",
            "frame.interface_name",
            "-e",
            "frame.packet_flags",
            "-e",
            "frame.comment",
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        told = [[packet.interface, f"0x{packet.flags:08x}", packet.comment] for packet in contents_of(both).packets]
        assert [line.split("\t") for line in done.stdout.splitlines()] == told
        assert "appears to have been cut short" not in done.stderr
        assert "damaged" not in done.stderr

    def test_a_filter_and_a_snaplen(self, pair: Pair, tmp_path: Path) -> None:
        """Only what the filter takes is captured, cut to the snaplen, with its whole length told; the filter is recorded."""
        if shutil.which("tcpdump") is None:
            pytest.skip("filters are compiled by tcpdump, which is not installed")
        with recording(tmp_path / "a.pcapng", pair.far, wishes=Wishes(snaplen=40, expression="udp and port 53")):
            pair.send(Sent(TCP_FRAME), Sent(UDP_FRAME), Sent(TCP_FRAME))
        found = contents_of(tmp_path / "a.pcapng")
        assert [(packet.frame, packet.original) for packet in found.packets] == [(UDP_FRAME[:40], len(UDP_FRAME))]
        assert found.interfaces[0][11] == b"\0udp and port 53"
        assert found.statistics[pair.far.text][6] == 1

    def test_a_count_and_a_duration_end_it(self, pair: Pair, tmp_path: Path) -> None:
        """Of more packets than wanted as many are written as were wanted; without packets the time ends it."""
        with recording(tmp_path / "a.pcapng", pair.near, pair.far, wishes=Wishes(count=3)) as results:
            pair.send(*[Sent(UDP_FRAME)] * 5)
            until(lambda: bool(results))
        assert len(contents_of(tmp_path / "a.pcapng").packets) == results[0].written == 3
        begun = time.monotonic()
        record([pair.near], str(tmp_path / "b.pcapng"), Wishes(duration=0.2), stop=lambda: False)
        assert 0.2 <= time.monotonic() - begun < 2
        assert contents_of(tmp_path / "b.pcapng").packets == []

    def test_an_interface_that_goes_away(self, pair: Pair, tmp_path: Path) -> None:
        """The capture ends by itself when nothing is left to listen to, and keeps what it had."""
        namespace = os.path.basename(pair.near.namespace)
        ip("-n", namespace, "link", "add", "brief", "index", "21", "type", "veth", "peer", "name", "other", "index", "22")
        ip("-n", namespace, "link", "set", "other", "up")
        ip("-n", namespace, "link", "set", "brief", "up")
        brief = Place("brief", pair.near.namespace, "brief")
        with recording(tmp_path / "a.pcapng", brief) as results:
            Pair(brief, brief).send(Sent(UDP_FRAME))
            ip("-n", namespace, "link", "del", "brief")
            until(lambda: bool(results))
        assert results[0].interfaces[0].gone
        assert [packet.frame for packet in contents_of(tmp_path / "a.pcapng").packets] == [UDP_FRAME]


class TestTheProgram:
    pytestmark = needs_root

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_a_signal_ends_it_with_whole_files(self, pair: Pair, tmp_path: Path, number: signal.Signals) -> None:
        """What came right before the signal is in the file, which ends with its statistics; the exit status is 0."""
        path = tmp_path / "a.pcapng"
        with program("-i", pair.far.text, "-i", pair.near.text, "-w", str(path)) as process:
            pair.send(*[Sent(UDP_FRAME)] * 20)
            process.send_signal(number)
            _, said = process.communicate(timeout=10)
        assert process.returncode == 0
        assert said.splitlines() == [
            f"40 packets in {path}",
            *(f"{place.text}: 20 packets seen, 20 written, 0 dropped for want of room in the ring" for place in (pair.far, pair.near)),
        ]
        found = contents_of(path)
        assert len(found.packets) == 40
        assert list(found.statistics) == [pair.far.text, pair.near.text]

    def test_drops_are_counted(self, pair: Pair, tmp_path: Path) -> None:
        """What comes while the ring is full is missing, counted, shown, and written to the statistics block."""
        path = tmp_path / "a.pcapng"
        with program("-i", pair.far.text, "-B", "256", "-w", str(path)) as process:
            process.send_signal(signal.SIGSTOP)
            pair.send(*[Sent(UDP_FRAME + bytes(1000))] * 1000)
            process.send_signal(signal.SIGCONT)
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=10)
        found = contents_of(path)
        numbers = found.statistics[pair.far.text]
        assert 100 < numbers[7] < 1000
        assert (numbers[6], numbers[8]) == (1000, 1000 - numbers[7])
        assert len(found.packets) == numbers[8]
        assert f"{numbers[7]:,} dropped for want of room" in said
        assert f"csumlab: missing: {numbers[7]:,} packets; enlarge the ring with -B" in said

    def test_standard_output_and_rotation(self, pair: Pair, tmp_path: Path) -> None:
        """A capture can be piped; one in pieces has numbered files of the wanted size, of which the newest are kept, each of them whole."""
        with program("-i", pair.far.text, "-w", str(tmp_path / "a.pcapng"), "-C", "1", "-W", "2", "-c", "3000") as process:
            pair.send(*[Sent(UDP_FRAME + bytes(900))] * 3000)
            _, said = process.communicate(timeout=10)
        names = sorted(path.name for path in tmp_path.iterdir())
        assert names == ["a-00003.pcapng", "a-00004.pcapng"]
        assert all(name in said for name in names)
        sizes = [len(contents_of(tmp_path / name).packets) for name in names]
        assert 800 < sizes[0] < 1000
        assert sizes[1] == 3000 - 3 * sizes[0]
        command = [sys.executable, "-m", "csumlab", "capture", "-q", "-i", pair.near.text, "-w", "-", "-c", "1"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) as process_of_bytes:
            assert process_of_bytes.stdout is not None
            head = process_of_bytes.stdout.read(28)
            pair.send(Sent(UDP_FRAME))
            (tmp_path / "piped.pcapng").write_bytes(head + process_of_bytes.stdout.read())
        assert [packet.frame for packet in contents_of(tmp_path / "piped.pcapng").packets] == [UDP_FRAME]

    @needs_setpriv
    def test_only_one_capability_is_needed(self, pair: Pair, tmp_path: Path) -> None:
        """With CAP_NET_RAW alone it captures; with every other but this one it says what is missing and what to do."""
        words = ["-i", "lo", "-w", str(tmp_path / "a.pcapng"), "--duration", "0.1"]
        done = {}
        for name, kept in (("alone", "-all,+net_raw"), ("without", "-net_raw")):
            command = ["setpriv", f"--bounding-set={kept}", f"--inh-caps={kept}", sys.executable, "-m", "csumlab", "capture", *words]
            done[name] = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
        assert (done["alone"].returncode, done["without"].returncode) == (0, 2)
        assert "CAP_NET_RAW" in done["without"].stderr
        assert "sudo setcap cap_net_raw+ep /" in done["without"].stderr


class Blocks:
    """Packets of 100 bytes, one a second."""

    HEAD, TAIL = b"head", b"tail"

    def __init__(self, count: int) -> None:
        self.blocks = [(number * 1_000_000_000, bytes([number]) * 100) for number in range(count)]

    def into(self, target: Path, rotation: Rotation, pieces: int = 1) -> list[list[int]]:
        """Write them in so many goes; the packets of each file that is left, by number."""
        files = Files(str(target), rotation, self.HEAD, lambda: self.TAIL)
        size = -(-len(self.blocks) // pieces)
        for start in range(0, len(self.blocks), size):
            files.write(self.blocks[start : start + size])
        files.close()
        assert sorted(files.names) == sorted(str(path) for path in target.parent.iterdir())
        found = []
        for name in files.names:
            data = Path(name).read_bytes()
            assert data.startswith(self.HEAD)
            assert data.endswith(self.TAIL)
            found.append(list(data[len(self.HEAD) : -len(self.TAIL) : 100]))
        return found


@pytest.mark.parametrize("pieces", [1, 3, 10])
@pytest.mark.parametrize(
    ("rotation", "files"),
    [
        (Rotation(), [[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]]),
        (Rotation(most_bytes=404), [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]),
        (Rotation(most_bytes=403), [[0, 1, 2], [3, 4, 5], [6, 7, 8], [9]]),
        (Rotation(most_bytes=50), [[number] for number in range(10)]),
        (Rotation(seconds=4), [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]),
        (Rotation(seconds=3.5), [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]),
        (Rotation(most_bytes=304, seconds=2), [[0, 1], [2, 3], [4, 5], [6, 7], [8, 9]]),
        (Rotation(most_bytes=404, keep=2), [[4, 5, 6, 7], [8, 9]]),
    ],
)
def test_rotation(tmp_path: Path, rotation: Rotation, files: list[list[int]], pieces: int) -> None:
    """A file ends before the packet that is too much or too late, however many come at once; each has its head and its tail."""
    assert Blocks(10).into(tmp_path / "a.pcapng", rotation, pieces) == files


def test_a_full_disk_leaves_whole_blocks(tmp_path: Path) -> None:
    """What the disk took of an unfinished block is taken back, and the error says so."""
    resource = pytest.importorskip("resource")
    files = Files(str(tmp_path / "a"), Rotation(), b"head", lambda: b"")
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (150, old[1]))
        files.write([(0, b"a" * 100)])
        with pytest.raises(LiveError, match="the file is whole up to here"):
            files.write([(1, b"b" * 100)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
        signal.signal(signal.SIGXFSZ, ignored)
    assert (tmp_path / "a").read_bytes() == b"head" + b"a" * 100


def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    """A folder that is not there is named; standard output cannot be rotated."""
    with pytest.raises(LiveError, match=r"missing/a\.pcapng: cannot be written: No such file"):
        Files(str(tmp_path / "missing" / "a.pcapng"), Rotation(), b"", lambda: b"")
    with pytest.raises(LiveError, match="-C and -G need a name"):
        Files("-", Rotation(seconds=1), b"", lambda: b"")


@pytest.mark.parametrize(
    ("text", "name", "namespace", "interface"),
    [
        ("eth0", "eth0", "", "eth0"),
        ("blue:eth0.5", "blue:eth0.5", "/run/netns/blue", "eth0.5"),
        ("netns:blue:eth0", "blue:eth0", "/run/netns/blue", "eth0"),
        ("pid:1:eth0", "pid:1:eth0", "/proc/1/ns/net", "eth0"),
        ("/proc/1/ns/net:eth0", "/proc/1/ns/net:eth0", "/proc/1/ns/net", "eth0"),
    ],
)
def test_places(text: str, name: str, namespace: str, interface: str) -> None:
    """Every way to write an interface in a namespace."""
    assert parse_place(text) == Place(name, namespace, interface)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "names no interface"),
        ("blue:", "names no interface"),
        ("a-name-of-16-char", "names no interface"),
        ("any", "name the interfaces"),
        ("pid:x:eth0", "names no network namespace"),
        ("../x:eth0", "names no network namespace"),
        ("..:eth0", "names no network namespace"),
    ],
)
def test_places_that_are_none(text: str, said: str) -> None:
    """What cannot be an interface is said so before anything is opened."""
    with pytest.raises(LiveError, match=said):
        parse_place(text)


def test_a_namespace_or_an_interface_that_is_not_there() -> None:
    """The error names it and the command that lists what there is."""
    with pytest.raises(LiveError, match=r"no such network namespace.*ip netns"):
        record([parse_place("nowhere:eth0")], "/dev/null", Wishes(), stop=lambda: True)
    with pytest.raises(LiveError, match=r"no interface nowhere here.*ip link"):
        record([parse_place("nowhere")], "/dev/null", Wishes(), stop=lambda: True)


def test_filters_without_tcpdump(monkeypatch: pytest.MonkeyPatch) -> None:
    """No filter needs no compiler; a filter without it, or about VLAN tags, is refused with the reason."""
    assert compile_filter(" ", "EN10MB", 96) == everything(96) == ((6, 0, 0, 96),)
    assert everything(0) == NOTHING
    with pytest.raises(LiveError, match="keeps VLAN tags beside the packet"):
        compile_filter("vlan 5 and tcp", "EN10MB", 96)
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    with pytest.raises(LiveError, match="tcpdump, which is not installed"):
        compile_filter("tcp", "EN10MB", 96)


@pytest.mark.needs_program
@pytest.mark.skipif(shutil.which("tcpdump") is None, reason="filters are compiled by tcpdump, which is not installed")
def test_filters() -> None:
    """tcpdump compiles them for the link and the snaplen, and its complaint is passed on."""
    ethernet, raw = (compile_filter("ip", link, 96) for link in ("EN10MB", "RAW"))
    assert ethernet[0] == (0x28, 0, 0, 12), "load the half word at 12, the type of an Ethernet frame"
    assert raw != ethernet
    assert {line for line in ethernet if line[0] == 6} == {(6, 0, 0, 96), (6, 0, 0, 0)}
    with pytest.raises(LiveError, match=r"'tcp prot 80' cannot be compiled: .*syntax error"):
        compile_filter("tcp prot 80", "EN10MB", 96)
