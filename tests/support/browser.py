"""Finds and drives headless Chromium for tests that look at a page. The page gets no network at all."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from factory.cli.bench.creatives_chromium import CHROMIUM_FLAGS, CHROMIUM_NAMES


@dataclass
class Visit:
    """A page that was opened, and what happened on the way. `requests` are those beyond the page itself."""

    page: Any
    requests: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)  # console errors and warnings, uncaught errors, dialogs


def find_browser() -> str:
    """Return the path of a Chromium. Without one the test is skipped, or fails where CI=true says that all must run."""
    path = next((found for name in CHROMIUM_NAMES if (found := shutil.which(name))), None)
    if path is None:
        reason = "no Chromium on this machine: install it (Debian: apt-get install chromium) to run browser tests"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return path


@contextmanager
def open_file(file: Path, width: int, height: int = 2400, scheme: str = "light") -> Iterator[Visit]:
    """Open a local HTML file in a window of `width` x `height` CSS pixels, offline, and watch what it does."""
    from playwright.sync_api import sync_playwright

    path = find_browser()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, headless=True, args=CHROMIUM_FLAGS)
        try:
            context = browser.new_context(
                viewport={"width": width, "height": height}, color_scheme=scheme, offline=True, service_workers="block"
            )
            page = context.new_page()
            visit = Visit(page)
            address = file.absolute().as_uri()
            page.on("request", lambda request: request.url != address and visit.requests.append(request.url))
            page.on("console", lambda message: _note(visit, message.type, message.text))
            page.on("pageerror", lambda error: visit.problems.append(f"uncaught: {error}"))
            page.on("dialog", lambda dialog: (visit.problems.append(f"dialog: {dialog.message}"), dialog.dismiss()))
            page.goto(address, wait_until="load")
            yield visit
        finally:
            browser.close()


def _note(visit: Visit, kind: str, text: str) -> None:
    if kind in ("error", "warning"):
        visit.problems.append(f"{kind}: {text}")
