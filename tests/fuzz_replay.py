"""Mutated packets through every host: anything but a result is a fault. ``python -m tests.fuzz_replay`` prints how many were tried."""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import frames
import walks

from csumlab.outcome import Settings
from csumlab.replaying import Replay, tap_of
from csumlab.topology.presets import PRESETS


def mutated(packet: bytes, dice: random.Random) -> bytes:
    """A packet with some bytes changed, cut or doubled."""
    data = bytearray(packet)
    for _ in range(dice.choice((0, 1, 1, 2, 5))):
        data[dice.randrange(12, min(len(data), 90))] = dice.choice((0, 1, 4, 6, 17, 41, 47, 0x45, 0xFF, dice.randrange(256)))
    if dice.random() < 0.2:
        data = data[: dice.randrange(14, len(data) + 1)]
    if dice.random() < 0.1:
        data += bytes(dice.randrange(1, 9))
    return bytes(data)


def tried(inputs: int, seed: int, size: int = 50, presets: Sequence[str] = ("linux-6.1", "xen-3.0.0")) -> int:
    """Replay at least ``inputs`` packets, ``size`` of them through every host of the presets at a time; how many it were."""
    dice = random.Random(seed)
    hosts = [host for preset in presets for host in walks.hosts_of(preset).items()]
    examples = frames.examples()
    count = 0
    while count < inputs:
        for name, topology in hosts:
            seeds = [p for _, s, d, v in walks.ends_of(name) for p in walks.packets_between(s, d, v).values()]
            port = dice.choice([port for port in topology.ports if topology.device(port).kind.value != "bridge"])
            assume = dice.choice(("", "", "", "unchecked", "verified", "must-compute"))
            running = Replay(Settings(topology, tap_of(topology, str(port)), assume, dice.random() < 0.2), accelerate=False)
            batch = [mutated(dice.choice([*seeds, *examples]), dice) for _ in range(size)]
            running.add(frames.block_of(batch))
            running.finish()
            assert sum(leaf.count for leaf in running.leaves) + running.skipped + running.index.overflow == len(batch)
            count += len(batch)
    return count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=20000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--presets", nargs="*", default=list(PRESETS), help="whose hosts (all)")
    options = parser.parse_args()
    print(f"{tried(options.inputs, options.seed, presets=options.presets):,} packets were tried, none without a result")


if __name__ == "__main__":
    main()
