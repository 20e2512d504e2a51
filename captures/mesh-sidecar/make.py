"""What the proxy of a pod and the program beside it say to each other; captured on the pod's loopback device."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, TCP, Ether, Raw, partial, write

POD, SERVER = "10.7.0.11", "203.0.113.80"


def packets() -> list[bytes]:
    """A request that a rule sends to the proxy, the proxy's answer in the name of the server, and what the proxy asks of the program."""
    made = []
    for n in range(3):
        for source, sport, destination, dport, text in (
            (POD, 40000 + n, "127.0.0.1", 15001, b"request"),
            (SERVER, 80, POD, 40000 + n, b"answer"),
            ("127.0.0.6", 50000 + n, POD, 8080, b"request"),
            (POD, 8080, "127.0.0.6", 50000 + n, b"answer"),
        ):
            frame = Ether(src="00:00:00:00:00:00", dst="00:00:00:00:00:00") / IP(src=source, dst=destination, id=n)
            made.append(partial(frame / TCP(sport=sport, dport=dport, flags="PA") / Raw(text)))
    return made


if __name__ == "__main__":
    write(__file__, packets(), "lo")
