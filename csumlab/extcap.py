"""``csumlab capture`` as an extcap: the program that Wireshark asks for its interfaces and starts to capture on one.

Source: Wireshark doc/extcap.4 and doc/README.extcap. Wireshark calls this at every start: nothing heavy is imported before a capture.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NoReturn

PREFIX: Final = "csumlab-"
"""Before the name of a device, in the names that Wireshark knows its interfaces by."""
_DEVICES: Final = Path("/sys/class/net")
_UP: Final = 1
"""IFF_UP, Linux include/uapi/linux/if.h."""
CONFIGURATION: Final = (
    "arg {number=0}{call=--also}{display=Also capture on}{type=string}"
    "{tooltip=Further interfaces, with blanks between: eth0, NETNS:IFACE or pid:NUMBER:IFACE}{required=false}",
    "arg {number=1}{call=--snaplen}{display=Bytes kept of a packet}{type=integer}{range=0,262144}{default=0}{tooltip=0 is all}"
    "{required=false}",
    "arg {number=2}{call=--ring}{display=Ring in KiB}{type=integer}{range=256,2097152}{default=16384}{required=false}",
    "arg {number=3}{call=--promiscuous}{display=Promiscuous: also frames to others}{type=boolflag}{default=false}{required=false}",
)
"""What can be set before a capture, in the words of the protocol."""


def main(words: Sequence[str] | None = None) -> None:
    """Answer one call of Wireshark's. Exit status 1 with a sentence on standard error, which Wireshark shows, if it cannot be done."""
    asked = _parse(sys.argv[1:] if words is None else words)
    if asked.extcap_interfaces:
        _say("extcap {version=1.0}{help=https://www.wireshark.org/docs/man-pages/extcap.html}{display=csumlab capture}", *interfaces())
        return
    device = asked.extcap_interface.removeprefix(PREFIX)
    if asked.extcap_dlts:
        _say(dlt(device))
    elif asked.extcap_config:
        _say(*CONFIGURATION)
    elif asked.capture:
        _capture(device, asked)
    else:
        _fail("this is an extcap: Wireshark calls it; to capture by hand run csumlab capture")


def _parse(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="csumlab-capture", description=__doc__, add_help=True)
    for flag in ("--extcap-interfaces", "--extcap-dlts", "--extcap-config", "--capture"):
        parser.add_argument(flag, action="store_true")
    for option in ("--extcap-interface", "--extcap-version", "--extcap-capture-filter", "--fifo", "--also"):
        parser.add_argument(option, default="")
    parser.add_argument("--snaplen", type=int, default=0)
    parser.add_argument("--ring", type=int, default=16384)
    # Wireshark gives a flag without a value, older versions one with it.
    parser.add_argument("--promiscuous", nargs="?", const="true", default="false")
    # Newer versions of the protocol have further options, which a program may pass over.
    return parser.parse_known_args(words)[0]


def _say(*lines: str) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))


def _fail(message: object) -> NoReturn:
    sys.stderr.write(f"csumlab: {message}\n")
    raise SystemExit(1)


def interfaces() -> list[str]:
    """The devices of this host that are up, in the words of the protocol."""
    return [f"interface {{value={PREFIX}{name}}}{{display=csumlab capture: {name}}}" for name in sorted(_devices())]


def _devices() -> list[str]:
    """The names of those that are up and whose packets csumlab can read."""
    from csumlab.live.ring import LINKS

    found = []
    for folder in _DEVICES.iterdir() if _DEVICES.is_dir() else ():
        try:
            up = int((folder / "flags").read_text(), 16) & _UP
            hardware = int((folder / "type").read_text())
        except (OSError, ValueError):
            continue  # Gone meanwhile, or no device but a file beside them (bonding_masters).
        if up and hardware in LINKS:
            found.append(folder.name)
    return found


def dlt(device: str) -> str:
    """The link type of a device's packets."""
    from csumlab.live.ring import LINKS

    try:
        linktype, name = LINKS[int((_DEVICES / device / "type").read_text())]
    except (OSError, ValueError, KeyError):
        _fail(f"{device}: there is no such interface, or its packets have no form that csumlab reads")
    return f"dlt {{number={int(linktype)}}}{{name={name}}}{{display={name}}}"


def _capture(device: str, asked: argparse.Namespace) -> None:
    from csumlab.live import LiveError, Wishes, parse_place, record
    from csumlab.live.recording import LONGEST_PACKET

    if not asked.fifo or not device:
        _fail("--capture needs --extcap-interface and --fifo")
    stopped: list[int] = []

    def on_signal(number: int, _frame: Any) -> None:
        stopped.append(number)

    for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(one, on_signal)
    promiscuous = asked.promiscuous.lower() == "true"
    wishes = Wishes(0, 0, asked.snaplen or LONGEST_PACKET, asked.ring << 10, promiscuous, asked.extcap_capture_filter)
    try:
        places = [parse_place(text) for text in dict.fromkeys([device, *asked.also.split()])]
        record(places, asked.fifo, wishes, stop=lambda: bool(stopped))
    except LiveError as error:
        _fail(error)
    except BrokenPipeError:
        return  # Wireshark has closed the pipe: that too is how it ends a capture.
