"""Headless Chromium for tests: a page opened from its file, with everything it says or asks for written down."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM: Final = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome") or ""
MISSING: Final = "needs Chromium (Debian package chromium)"


@dataclass
class Visit:
    """An open page. ``said`` is what its console and its errors say, ``asked`` every address but its own that it wanted."""

    page: Page
    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser; the sandbox is off because a container's root has none."""
    with sync_playwright() as runner:
        browser = runner.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def visit(browser: Browser, file: Path, *, width: int = 1200, dark: bool = False, script: bool = True) -> Iterator[Visit]:
    """``file`` in a window of its own."""
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme="dark" if dark else "light", java_script_enabled=script, offline=True
    )
    page = context.new_page()
    found = Visit(page)
    page.on("console", lambda message: found.said.append(message.text))
    page.on("pageerror", lambda error: found.said.append(str(error)))
    page.on("request", lambda request: found.asked.append(request.url) if request.url != file.as_uri() else None)
    page.goto(file.as_uri())
    yield found
    context.close()
