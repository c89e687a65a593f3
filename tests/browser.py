"""A real browser for the pages that cxrcat writes: Debian's Chromium, without any network."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright

_OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@contextmanager
def opened(path: Path) -> Iterator[tuple[Page, list[str]]]:
    """Open a page from the disk; yield it, and what it complained of or asked for elsewhere."""
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("chromium is not installed: run scripts/test-tools")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(_OPTIONS))
        page = browser.new_page()
        wrong: list[str] = []
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda message: wrong.append(message.text))
        page.on("dialog", lambda dialog: wrong.append(f"dialog: {dialog.message}"))
        page.on("request", lambda each: each.url == path.as_uri() or wrong.append(each.url))
        page.goto(path.as_uri())
        yield page, wrong
        browser.close()
