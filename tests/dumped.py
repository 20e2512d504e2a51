"""Dumps of a host that are written by hand: one card, and whatever sections a test is about."""

from __future__ import annotations

from csumlab.host.dump import parse_dump
from csumlab.host.loading import Loaded, load_host

LINK = '{"ifindex":2,"ifname":"eth0","flags":["UP"],"link_type":"ether","address":"02:00:00:00:00:01"}'


def dump_of(*sections: str) -> bytes:
    """A dump of one card, and sections as ``NAME PLACE`` with content behind a line break."""
    text = "%csumlab-host 1\n%section uname here\n Linux a 6.1.0 x86_64\n"
    if not any(section.startswith("ip-link here") for section in sections):
        text += f"%section ip-link here\n [{LINK}]\n"
    for section in sections:
        head, _, body = section.partition("\n")
        text += f"%section {head}\n" + "".join(f" {line}\n" for line in body.split("\n"))
    return (text + "%end\n").encode()


def load(*sections: str) -> Loaded:
    return load_host(parse_dump(dump_of(*sections)))
