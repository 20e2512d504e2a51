"""Pictures for the docs: ``python docs/screenshots.py`` writes small PNGs into docs/images, of the HTML report and of a notebook's plot.

Needs headless Chromium, as tests/test_report_browser.py does, and matplotlib.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

import browsers  # noqa: E402

import csumlab  # noqa: E402
from csumlab.outcome import Settings  # noqa: E402
from csumlab.plots import heat_map  # noqa: E402
from csumlab.replaying import tap_of  # noqa: E402
from csumlab.report.page import report_page  # noqa: E402
from csumlab.topology.load import load_topology  # noqa: E402

SHOWN = "vxlan-masquerade"
PLOTTED = "xen-3.0.0-domu-router"
WIDTH = 1000
WIDE = 1280


def main() -> None:
    """The verdict, the host, a packet and, in dark, a way place by place."""
    folder = ROOT / "captures" / SHOWN
    topology = load_topology(folder / "topology.toml")
    page = report_page(folder / "traffic.pcapng", Settings(topology, tap_of(topology, "")))
    images = ROOT / "docs" / "images"
    images.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as place, browsers.chromium() as browser:
        file = Path(place) / "report.html"
        file.write_text(page.html.replace(str(ROOT) + "/", ""), encoding="utf-8")
        with browsers.visit(browser, file, width=WIDTH) as found:
            found.page.locator("#verdict").screenshot(path=images / "report-verdict.png")
            found.page.locator("#host .wide > svg").first.screenshot(path=images / "report-host.png")
            found.page.set_viewport_size({"width": WIDE, "height": 900})
            packet = found.page.locator("details.packet").first
            packet.locator("summary").click()
            packet.locator(".right").screenshot(path=images / "report-packet.png")
        with browsers.visit(browser, file, width=WIDTH, dark=True) as found:
            found.page.locator("#host details.path svg").first.screenshot(path=images / "report-path-dark.png")
    draw_plot(images)
    print(f"wrote {', '.join(path.name for path in sorted(images.glob('*.png')))}")


def draw_plot(images: Path) -> None:
    """The heat map of a notebook: each class of packets at each hop."""
    folder = ROOT / "captures" / PLOTTED
    figure = heat_map(csumlab.replay(folder / "traffic.pcapng", folder / "topology.toml"))
    figure.savefig(images / "heat-map.png", dpi=80)


if __name__ == "__main__":
    main()
