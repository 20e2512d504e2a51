"""The HTML report in headless Chromium: opened, every control used, nothing asked for, nothing complained of, axe content."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import browsers
import pytest
from axe_playwright_python.sync_playwright import Axe
from browsers import visit
from playwright.sync_api import Browser

from csumlab.outcome import Settings
from csumlab.replaying import tap_of
from csumlab.report.page import report_page
from csumlab.topology.load import load_topology

pytestmark = [pytest.mark.long, pytest.mark.needs_program, pytest.mark.skipif(not browsers.CHROMIUM, reason=browsers.MISSING)]
CAPTURES = Path(__file__).parents[1] / "captures"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsers.chromium() as found:
        yield found


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A page with findings on a host, a clean one, and one without a host."""
    folder = tmp_path_factory.mktemp("pages")
    found = {}
    for name, scenario, host in (
        ("findings", "vxlan-masquerade", True),
        ("clean", "linux-6.1-bridge", True),
        ("check", "linux-6.1-wrong-from-outside", False),
    ):
        topology = load_topology(CAPTURES / scenario / "topology.toml")
        page = report_page(CAPTURES / scenario / "traffic.pcapng", Settings(topology, tap_of(topology, "")) if host else None)
        found[name] = folder / f"{name}.html"
        found[name].write_text(page.html, encoding="utf-8")
    return found


@pytest.mark.parametrize("name", ["findings", "check"])
def test_every_control_works_and_nothing_leaves_the_page(browser: Browser, pages: dict[str, Path], name: str) -> None:
    """Each disclosure, way, hop, button and link is used; no console message, no error, no request."""
    with visit(browser, pages[name]) as found:
        page = found.page
        for summary in page.locator("summary").all():
            if summary.is_visible() and not summary.evaluate("one => one.parentElement.open"):
                summary.click()
        page.locator("button.copy, #theme").last.click()
        page.evaluate("document.querySelectorAll('button').forEach((one) => one.checkVisibility() && one.click())")
        for link in page.locator("nav a").all():
            link.click()
        assert found.said == []
        assert [url for url in found.asked if not url.startswith(pages[name].as_uri())] == []


@pytest.mark.parametrize(("name", "dark"), [("findings", False), ("findings", True), ("check", True)])
def test_axe_has_nothing_to_say(browser: Browser, pages: dict[str, Path], name: str, dark: bool) -> None:
    """No violation of any rule of axe, with everything open, in both colour schemes."""
    with visit(browser, pages[name], dark=dark) as found:
        found.page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        result = Axe().run(found.page)
        assert result.violations_count == 0, result.generate_report()


def test_a_packet_is_walked_by_keyboard(browser: Browser, pages: dict[str, Path]) -> None:
    """It opens at the hop that is the cause; arrow keys go from hop to hop, and the panel and the bytes go along."""
    with visit(browser, pages["findings"]) as found:
        page = found.page
        packet = page.locator("details.packet").first
        packet.locator("summary").focus()
        page.keyboard.press("Enter")
        tabs = packet.get_by_role("tab")
        chosen = packet.locator("[role=tab][aria-selected=true]")
        assert "address translation" in chosen.inner_text()
        assert packet.get_by_role("tabpanel").count() == 1
        before = packet.locator(".frame:visible").inner_text()
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.getAttribute('role')") == "tab"
        page.keyboard.press("Home")
        assert tabs.first.get_attribute("aria-selected") == "true"
        assert packet.locator(".frame:visible").inner_text() != before
        page.keyboard.press("ArrowDown")
        assert tabs.nth(1).get_attribute("aria-selected") == "true"
        page.keyboard.press("End")
        assert tabs.last.get_attribute("aria-selected") == "true"
        assert packet.locator("mark.f:visible").count() >= 1


def test_choosing_a_way_draws_it_on_the_host(browser: Browser, pages: dict[str, Path]) -> None:
    """The pressed way is the one that is seen, and no other."""
    with visit(browser, pages["findings"]) as found:
        page = found.page
        page.locator("button.way").nth(1).click()
        layers = page.locator(".csl-layer").all()
        shown = [one.get_attribute("data-way") for one in layers if one.evaluate("one => getComputedStyle(one).display") != "none"]
        assert set(shown) == {"1"}
        assert page.locator("button.way[aria-pressed=true]").count() == 1


@pytest.mark.parametrize("name", ["findings", "clean", "check"])
def test_a_narrow_window_scrolls_only_inside(browser: Browser, pages: dict[str, Path], name: str) -> None:
    """At 400 pixels the page itself is never wider than the window."""
    with visit(browser, pages[name], width=400) as found:
        found.page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        assert found.page.evaluate("document.documentElement.scrollWidth") <= 400


def test_without_script_everything_is_still_there(browser: Browser, pages: dict[str, Path]) -> None:
    """Every hop and every state of the bytes is shown, and no dead button."""
    with visit(browser, pages["findings"], script=False) as found:
        packet = found.page.locator("details.packet").first
        packet.locator("summary").click()
        assert packet.locator(".panel:visible").count() == packet.locator(".panel").count() > 5
        assert packet.locator(".frame:visible").count() == packet.locator(".frame").count() > 1
        assert found.page.locator("button.copy:visible").count() == 0
