"""What a walk leaves behind: hops, each one row of one table at one port, and how the packet ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from csumlab.interpreting import Packet
from csumlab.operations import KEEP, Operation
from csumlab.stage import ANY, SAME, Row, Stage
from csumlab.state import State

TAP = Stage(
    name="tap",
    title="capture point",
    source="linux 6.1 net/core/dev.c dev_queue_xmit_nit, __netif_receive_skb_core (ptype_all)",
    table=(
        Row(ANY, (), KEEP, SAME, "a capture here shows these bytes"),
    ),
)  # fmt: skip


class Fault(Enum):
    """Where between two hops bits can go wrong (the class of the edge that leads into a hop)."""

    MEMORY = "memory of one host"
    LINK = "a link"
    PROGRAM = "a user-space program"


class Fate(Enum):
    """How a packet's walk ended."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    DROPPED = "dropped"
    WAITING = "held for reassembly"
    COPIED = "looked at as a copy"
    UNTOLD = "cannot be told"


@dataclass(frozen=True, slots=True)
class Hop:
    """One row that fired. ``port`` is ``domain:device``, ``way`` "in", "out" or "". ``checked`` are the uids of sums really verified here.
    ``fault`` is the class of the edge that leads here. ``gone`` are headers taken off."""

    stage: Stage
    row: Row
    domain: str
    port: str
    way: str
    before: Packet
    after: Packet
    state_before: State
    state_after: State
    checked: tuple[int, ...] = ()
    fault: Fault = Fault.MEMORY

    @property
    def where(self) -> str:
        return f"{self.port or self.domain}{' ' + self.way if self.way else ''}"

    @property
    def because(self) -> str:
        return self.row.because

    @property
    def operations(self) -> frozenset[Operation]:
        """What is done here."""
        return frozenset(do.operation for do in self.row.does)

    def __str__(self) -> str:
        return f"{self.where}: {self.stage.title}: {self.row.because}"


@dataclass(frozen=True, slots=True)
class Trace:
    """A whole way. ``tap`` is the index of the hop at which the capture was taken, -1 if the way does not pass it. ``why`` explains the
    fate."""

    origin: str
    hops: tuple[Hop, ...]
    fate: Fate
    why: str
    tap: int = -1
    chosen: Mapping[str, str] | None = None

    @property
    def end(self) -> Hop | None:
        return self.hops[-1] if self.hops else None

    def __str__(self) -> str:
        return f"from {self.origin}, {len(self.hops)} hops, {self.fate.value}" + (f": {self.why}" if self.why else "")
