"""Programs that take packets out and put them back: what they are told to do, and what a topology may say of them."""

from __future__ import annotations

from pathlib import Path

import pytest
import rewriters
import walks

from csumlab.programs import BEHAVIOURS, PROGRAMS, behaviours
from csumlab.topology.load import TopologyError, parse_topology
from csumlab.topology.written import to_toml
from csumlab.trace import Fate


def test_a_program_is_its_behaviours() -> None:
    """Names stand for behaviours, each counts once, and there is nothing else."""
    assert behaviours("scapy anew sums") == ("anew", "sums")
    assert {word for one in PROGRAMS for word in one.behaviours} <= set(BEHAVIOURS)
    with pytest.raises(ValueError, match="did you mean 'takes-unfinished'"):
        behaviours("takes-unfinish")


@pytest.mark.parametrize(
    ("rules", "problem"),
    [
        (rewriters.edit("nfqueue", "out", 'program = "sum"'), "did you mean 'sums'"),
        (rewriters.edit("nft", "out", 'dscp = 1\nprogram = "sums"'), "nft is no program"),
        (rewriters.edit("nfqueue", "out", "mss = 1200"), 'needs protocol = "tcp"'),
        (rewriters.edit("pedit", "out", 'protocol = "tcp"\nmss = 1200'), "or nfqueue only"),
        (rewriters.by("nft") + rewriters.edit("nft", "out", ""), "all others take dscp"),
    ],
)
def test_what_a_rule_may_not_say_of_a_program(rules: str, problem: str) -> None:
    """Errors name what is wrong."""
    with pytest.raises(TopologyError, match=problem):
        rewriters.router(rules)


def test_a_domain_with_a_program_is_written_as_it_is_read() -> None:
    """The word stands on the domain, and a wrong one is named; a kernel whose stack knows other states has none."""
    for topology in rewriters.programmed_hosts().values():
        assert parse_topology(to_toml(topology)).domains == topology.domains
    text = to_toml(rewriters.with_program("relay", ""))
    with pytest.raises(TopologyError, match=r"domain\.r\.program: unknown program or behaviour 'rely'; did you mean 'relay'"):
        parse_topology(text.replace("relay", "rely"))
    with pytest.raises(TopologyError, match=r"programs on packet sockets of xen-3\.0\.0 are not modelled"):
        parse_topology(text.replace('preset = "linux-6.1"\nprogram', 'preset = "xen-3.0.0"\nprogram').replace("linux-6.1", "xen-3.0.0"))


def test_a_rule_with_a_program_is_written_as_it_is_read() -> None:
    """Of rules that translate and of those that edit."""
    for rules in (rewriters.DECIDED, rewriters.by_programs("anew", "forgets")):
        topology = rewriters.router(rules)
        assert parse_topology(to_toml(topology)).domains == topology.domains


@pytest.mark.parametrize(
    ("folder", "old", "new", "says"),
    [
        (
            "nfqueue-unfinished",
            "takes-unfinished",
            "keeps-header",
            "keeps-header is of a program with packet sockets, not of one behind nfqueue",
        ),
        (
            "packet-socket-nat",
            "vpp-17.07",
            "nf-queue-example",
            "takes-unfinished is of a program behind nfqueue, not of one that is a stack",
        ),
    ],
)
def test_words_of_another_kind_of_program(folder: str, old: str, new: str, says: str) -> None:
    """A word that cannot apply is refused, also where a program's name stands for it."""
    text = (Path(__file__).parents[1] / "captures" / folder / "topology.toml").read_text()
    parse_topology(text)
    with pytest.raises(TopologyError, match=says):
        parse_topology(text.replace(f'program = "{old}"', f'program = "{new}"'))


def test_the_beginning_of_a_word_is_a_hint() -> None:
    """nfq is no word that is near to nfqueue, but its beginning."""
    text = (Path(__file__).parents[1] / "captures" / "nfqueue-unfinished" / "topology.toml").read_text()
    with pytest.raises(TopologyError, match="unknown rewriter 'nfq'; did you mean 'nfqueue'"):
        parse_topology(text.replace('by = "nfqueue"', 'by = "nfq"'))


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize(("hops", "arrives"), [(1, False), (2, True)])
def test_a_rule_says_how_far_a_packet_comes(version: int, hops: int, arrives: bool) -> None:
    """A router that sets the TTL or hop limit to 1 before it forwards drops the packet itself, by forms and by bytes."""
    topology = rewriters.router(rewriters.edit("nft", "in", f"ttl = {hops}").replace('"vb"', '"va"'))
    source, destination = next((one, other) for origin, one, other, number in rewriters.ENDS if (origin, number) == ("a", version))
    case = walks.Case("hops", topology, "a", walks.packets_between(source, destination, version)["udp"], None)
    assert walks.differences(case) == []
    assert [trace.fate for trace in walks.run_plain(case)] == [Fate.ACCEPTED if arrives else Fate.DROPPED]
