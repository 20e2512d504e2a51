"""The judge: what is called wrong, accepted, laundered or not noticed, on hosts and tables made to show it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import detours
import fuzz_replay
import hosts
import pytest
import rewriters
import walks
from frames import Frame, patch, pim_over_ipv6, tcp, vrrp
from middleboxes import MASQUERADE, whole
from patching import patched

from csumlab.capture import PcapngWriter
from csumlab.dissection import dissect_packet
from csumlab.findings import CATALOGUE, Severity
from csumlab.headers import Link
from csumlab.operations import Selector, compute
from csumlab.replaying import ReplayResult, replay
from csumlab.stage import Part
from csumlab.stages import linux
from csumlab.state import Skb
from csumlab.topology.load import load_topology, parse_topology
from csumlab.topology.model import Topology
from csumlab.topology.presets import PRESETS

CAPTURES = Path(__file__).parents[1] / "captures"


def replayed(path: Path, topology: Topology, *packets: bytes, at: str = "", **more: object) -> ReplayResult:
    with PcapngWriter(path) as file:
        interface = file.add_interface(1)
        for packet in packets:
            file.write(packet, interface=interface)
    return replay(path, topology, at=at, **more)  # type: ignore[arg-type]


def codes(result: ReplayResult, severity: Severity | None = Severity.FINDING) -> set[str]:
    return {finding.code for finding in result.findings if severity is None or finding.severity is severity}


def test_a_recomputed_sum_launders() -> None:
    """A router that computes the transport sum anew hides damage: what is in the capture, and what might come."""
    rows = tuple(replace(row, does=(*row.does, *compute(Selector.TRANSPORT))) for row in linux.FORWARD.table)
    folder = CAPTURES / "linux-6.1-forwarded-damage"
    with patched(linux.FORWARD, replace(linux.FORWARD, table=rows)):
        found = codes(replay(folder / "traffic.pcapng", folder / "topology.toml"))
    assert found == {"CSL401", "CSL411"}
    assert codes(replay(folder / "traffic.pcapng", folder / "topology.toml")) == {"CSL001"}


def test_an_incremental_update_never_launders() -> None:
    """Translation keeps a wrong sum wrong, verified before or not."""
    for verify in ("true", "false"):
        topology = walks.host(hosts.NAT, PRESET="linux-6.1", VERIFY=verify, TOPORT="0")
        for payload in (b"even", b"odd"):
            frame = walks.packets_between("10.1.0.11", "198.51.100.80", 4, payload)["udp, damaged"]
            case = walks.Case("", topology, "domU", frame, walks.STATES[Skb][1])
            for trace in walks.run_plain(case):
                assert trace.fate.value == "rejected"


@pytest.mark.parametrize(
    ("packet", "source", "far"), [(vrrp("10.1.0.9"), "10.1.0.11", "10.2.0.22"), (pim_over_ipv6(), "fd00:1::11", "fd00:2::22")]
)
def test_a_sum_that_no_kernel_verifies_breaks_for_the_program_that_does(tmp_path: Path, packet: Frame, source: str, far: str) -> None:
    """Over a veth pair, as from wire to wire: nobody believes it there, so it is no note."""
    subnet = "10.1.0.0/24" if "." in far else "fd00:1::/64"
    topology = rewriters.router(MASQUERADE.replace("10.1.0.0/24", subnet).replace("BY", "conntrack"), verify=False)
    result = replayed(tmp_path / "a.pcapng", topology, whole(packet, source, far), at="a:eth0:out")
    assert codes(result) == {"CSL102"}
    assert result.findings[0].hop == "r:vb out"


def test_a_trailer_in_the_fill(tmp_path: Path) -> None:
    """A fill that sums bytes behind the packet writes a wrong sum, seen before it and after."""
    topology = walks.host(hosts.BRIDGE, PRESET="linux-6.1")
    frame = walks.packets_between("192.0.2.11", "198.51.100.80", 4)["tcp, partial"] + b"\x12\x34"
    assert codes(replayed(tmp_path / "a.pcapng", topology, frame)) == {"CSL103"}


def test_no_checksum_is_the_senders_choice(tmp_path: Path) -> None:
    """A zero UDP sum protects nothing; that is a note, not a finding, and exit status 0."""
    topology = walks.host(hosts.BRIDGE, PRESET="linux-6.1")
    frame = walks.packets_between("192.0.2.11", "198.51.100.80", 4)["udp, none"]
    result = replayed(tmp_path / "a.pcapng", topology, frame)
    assert (result.status, codes(result, None)) == (0, {"CSL312"})


def test_exposure_in_memory_is_a_note(tmp_path: Path) -> None:
    """Before the fill nothing protects the data inside the host: said on request, and never a finding."""
    topology = walks.host(hosts.BRIDGE, PRESET="linux-6.1")
    frame = walks.packets_between("192.0.2.11", "198.51.100.80", 4)["tcp, partial"]
    assert replayed(tmp_path / "a.pcapng", topology, frame).findings == ()
    result = replayed(tmp_path / "a.pcapng", topology, frame, exposure=True)
    assert result.status == 0
    assert codes(result, Severity.NOTE) >= {"CSL312"}


@pytest.mark.parametrize(("assume", "fate"), [("verified", "CSL301"), ("unchecked", "CSL001")])
def test_what_the_user_knows_is_used(tmp_path: Path, assume: str, fate: str) -> None:
    """--assume states the carried state at the tap: the same wrong packet is accepted or caught."""
    topology = walks.host(hosts.BRIDGE, PRESET="linux-6.1")
    frame = walks.packets_between("198.51.100.80", "192.0.2.11", 4)["tcp, damaged"]
    assert fate in codes(replayed(tmp_path / "a.pcapng", topology, frame, at="dom0:vif1.0:out", assume=assume))


def test_a_boundary_without_words(tmp_path: Path) -> None:
    """An unfinished sum on something the ring has no words for is dropped there, and that is said."""
    topology = walks.hosts_of("linux-6.1")["bridge, odd features"]
    frame = walks.packets_between("192.0.2.11", "198.51.100.80", 4)["ping"]
    result = replayed(tmp_path / "a.pcapng", topology, frame, at="domU:eth0", assume="must-compute")
    assert codes(result) == {"CSL501"}


def test_a_capture_that_contradicts(tmp_path: Path) -> None:
    """Bytes that no sender of the topology would put there are CSL901, with the reason."""
    topology = walks.host(hosts.BRIDGE, PRESET="linux-6.1")
    frame = walks.packets_between("192.0.2.11", "198.51.100.80", 4)["tcp, partial"]
    result = replayed(tmp_path / "a.pcapng", topology, frame, at="outside:eth0")
    assert codes(result) == {"CSL901"}
    assert "should be right here" in result.findings[0].because


def test_what_is_sent_to_a_group_goes_to_everybody(tmp_path: Path) -> None:
    """Each copy that passes the capture point is followed to its end, also from a guest that has no address yet."""
    topology = walks.host(hosts.BRIDGE, PRESET="linux-6.1")
    for source, group in (("192.0.2.11", "224.0.0.251"), ("0.0.0.0", "255.255.255.255")):
        frame = walks.packets_between(source, group, 4)["udp, partial"]
        result = replayed(tmp_path / "a.pcapng", topology, frame, at="dom0:vif1.0:in")
        ends = {reading.trace.hops[-1].domain for leaf in result.classes for reading in leaf.outcome.readings}
        assert (ends, result.status) == ({"dom0", "outside"}, 0)


def test_a_reply_that_only_the_connection_table_knows(tmp_path: Path) -> None:
    """A packet to a masqueraded address is followed to every inside host and to the host itself."""
    topology = walks.host(hosts.NAT, PRESET="linux-6.1", VERIFY="true", TOPORT="0")
    frame = walks.packets_between("198.51.100.80", "192.0.2.1", 4)["tcp"]
    result = replayed(tmp_path / "a.pcapng", topology, frame, at="dom0:eth0")
    ends = {reading.trace.hops[-1].domain for leaf in result.classes for reading in leaf.outcome.readings}
    assert ends == {"domU", "dom0"}
    assert result.status == 0


def test_every_code_has_an_entry_that_reads() -> None:
    """Codes are sorted by what they mean, and every entry says what, why and what to do."""
    for code, entry in CATALOGUE.items():
        assert code == entry.code
        assert all(text.endswith(".") for text in (entry.what, entry.why, entry.cure))


def test_mutated_packets_have_a_result() -> None:
    """Headers that lie, are cut or nested at random walk through every host without a fault; more with `python -m tests.fuzz_replay`."""
    assert fuzz_replay.tried(200, seed=20061121, size=4) >= 200


def test_damage_behind_the_end_of_a_way_says_nothing(tmp_path: Path) -> None:
    """A header that ends early ends the walk at the capture point; what damage would do behind it is not asked."""
    frame = bytes.fromhex("00163e00000100163e00000208004d00003100980000232646390a090002c63364509c400050000000000000000050182000d135")
    result = replayed(tmp_path / "a.pcapng", load_topology(CAPTURES / "linux-6.1-invalid-leak" / "topology.toml"), frame + bytes(13))
    assert "CSL902" in {finding.code for finding in result.findings}
    assert {finding.hop for finding in result.findings} <= {"client:eth0", "router:eth1 in"}


def test_every_kernel_s_tables_play_their_parts() -> None:
    """The judge asks a table for its part, also that of a kernel which differs in a row."""
    for preset in PRESETS.values():
        parts = {preset.sender.part, preset.input.part, preset.nat.part, preset.forward.part}
        assert parts == {Part.SENDER, Part.INPUT, Part.TRANSLATION, Part.FORWARD}, preset.name


SENSOR = "[domain.sensor.device.eth0]\n"


@pytest.mark.parametrize(
    "text",
    [detours.copied("va", "in").replace(SENSOR, SENSOR + 'reader = "suricata"\n'), detours.copied_into_a_tunnel('reader = "suricata"')],
)
def test_a_copy_tells_of_who_looks_at_it_only(tmp_path: Path, text: str) -> None:
    """A sensor does not see copies of what is still owed; that it leaves out what was wrong from the start is right, and what the receiver
    makes of the packet itself is found whatever becomes of the copy."""
    topology = parse_topology(text)
    packets = walks.packets_between("10.1.0.11", "10.1.0.22", 4)
    owed = replayed(tmp_path / "a.pcapng", topology, packets["tcp, partial"], at="host:va")
    assert {(finding.code, finding.condition) for finding in owed.findings} == {("CSL506", "")}
    wrong = replayed(tmp_path / "b.pcapng", topology, packets["tcp, damaged"], at="host:va")
    assert {(finding.code, finding.condition) for finding in wrong.findings} == {("CSL001", "")}


@pytest.mark.parametrize("kernel", ["linux-4.19", "linux-5.6", "linux-6.1"])
def test_a_sum_over_a_tunnel_s_port_is_wrong_unless_made(tmp_path: Path, kernel: str) -> None:
    """A container's VXLAN without an outer sum, masqueraded: where NAT makes one of the zero it is garbage whatever the source port is, and
    the finding says so as seen from inside the tunnel too."""
    made = walks.host(hosts.VXLAN, UDPCSUM="false", ENCAPSULATED="true", NATRULE=hosts.MASQUERADE)
    sent = whole(tcp(b"data"), "10.244.0.1", "10.244.3.3")
    owed = dissect_packet(sent, Link.ETHERNET).sums[-1]
    assert owed.pseudo is not None
    result = replayed(tmp_path / "a.pcapng", walks.of_one_kernel(made, kernel), patch(sent, owed.at, owed.pseudo), at="pod:vxlan0")
    assert codes(result, None) == (set() if kernel == "linux-6.1" else {"CSL102"})


VLANS = """
at = "far:eth0.5:out"
[domain.far.device.eth0]
kind = "nic"
wire = "lan"
[domain.far.device."eth0.5"]
kind = "vlan"
lower = "eth0"
address = ["10.5.0.2/24"]
[domain.host.device.eth0]
kind = "nic"
wire = "lan"
[domain.host.device."eth0.5"]
kind = "vlan"
lower = "eth0"
address = ["10.5.0.1/24"]
[[domain.host.edit]]
by = "pedit"
device = "eth0.5"
way = "in"
ttl = 9
"""


def test_filters_see_what_comes_out_of_a_vlan(tmp_path: Path) -> None:
    """At the VLAN's device, where it comes in once more (net/core/dev.c __netif_receive_skb_core)."""
    result = replayed(tmp_path / "a.pcapng", parse_topology(VLANS), whole(tcp(b"asked"), "10.5.0.2", "10.5.0.1"))
    assert codes(result) == {"CSL201"}
    assert result.findings[0].hop == "host:eth0.5 in"
