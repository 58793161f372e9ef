"""A spike in a real browser: chosen, started by a click, watched, and its verdict read."""

import json
import re
import shutil
import signal
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

from tests.integration.load.conftest import Target
from tests.integration.load.web_ui import ENDLESS, SPIKE, OpenUi, serving_ui

CHROMIUM = shutil.which("chromium")
PATIENCE_MS = 30_000
expect.set_options(timeout=PATIENCE_MS)

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="not run: there is no chromium here"),
    pytest.mark.timeout(500),  # a browser and a run begin, beside others on a busy machine
]


async def test_a_spike_from_a_click_to_its_verdict(target: Target, tmp_path: Path) -> None:
    """The UI counts what the target counts, shows the limits as they stand, and goes to the verdict by itself."""
    with serving_ui(target, tmp_path) as ui:
        async with async_playwright() as driver:
            browser = await driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            page = await browser.new_page()
            faults: list[str] = []
            page.on("pageerror", lambda error: faults.append(str(error)))
            await page.goto(ui.url)
            for hidden in ("userCount", "spawnRate", "host"):
                await expect(page.locator(f'input[name="{hidden}"]')).to_be_hidden()
            await page.locator("select").select_option(SPIKE)
            await page.get_by_role("button", name="Start").click()
            await expect(page.locator("#hybridcheck-words")).to_contain_text("under load", timeout=PATIENCE_MS)
            await page.get_by_role("tab", name="Limits").click()
            await expect(page.get_by_role("cell", name="load.latency-limit[spike]")).to_be_visible(timeout=PATIENCE_MS)
            await page.wait_for_url(re.compile(r"/verdict/[^/]+$"), timeout=PATIENCE_MS)
            await _read(page, ui)
            await page.get_by_role("link", name="Back to the load test").click()
            await page.get_by_role("tab", name="Verdicts").click()
            await expect(page.get_by_role("cell", name="spike", exact=True)).to_be_visible(timeout=PATIENCE_MS)
            statistics = await (await page.request.get(f"{ui.url}/stats/requests")).json()
            assert statistics["stats"][-1]["num_requests"] == 140  # 4 s of 20 a second, and one of them with 60 more
            await browser.close()
        assert faults == []
        assert ui.end(signal.SIGTERM) == 143


async def test_a_stopped_run_does_not_keep_the_next_from_starting(target: Target, tmp_path: Path) -> None:
    """Stop leads to the verdict, back there is a form again, and a tab that saw no run end stays where it is."""
    with serving_ui(target, tmp_path) as ui:
        async with async_playwright() as driver:
            browser = await driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            page = await browser.new_page()
            await page.goto(ui.url)
            await _start(page, ENDLESS)
            await page.get_by_role("button", name="Stop").click()
            await page.wait_for_url(re.compile(r"/verdict/[^/]+$"), timeout=PATIENCE_MS)
            await page.get_by_role("link", name="Back to the load test").click()
            await page.get_by_role("button", name="New").click(timeout=PATIENCE_MS)
            await _start(page, ENDLESS)
            await _stays(browser, ui, "endless")  # opened while a run is under way, after another had its verdict
            chart = await page.evaluate("window.templateArgs.history.length")
            assert chart <= 2  # the page is that of this run: none of the one before is in its charts
            await page.get_by_role("button", name="Stop").click()
            await page.wait_for_url(re.compile(r"/verdict/[^/]+$"), timeout=PATIENCE_MS)
            await _stays(browser, ui, "INCONCLUSIVE")  # opened when all is over
            await page.goto(f"{ui.url}/verdicts")
            await expect(page.get_by_role("link", name="endless: INCONCLUSIVE")).to_have_count(2)
            await browser.close()
        assert ui.end(signal.SIGTERM) == 143


async def _start(page: Page, phase: str) -> None:
    """Choose a phase and start it."""
    await page.locator("select").last.select_option(phase)
    await page.get_by_role("button", name="Start").last.click()
    await expect(page.locator("#hybridcheck-words")).to_contain_text("under load", timeout=PATIENCE_MS)


async def _stays(browser: Browser, ui: OpenUi, words: str) -> None:
    """A new tab (with a memory of its own) shows the load test, looks twice, and goes nowhere."""
    tab = await (await browser.new_context()).new_page()
    await tab.goto(ui.url)
    await expect(tab.locator("#hybridcheck-words")).to_contain_text(words, timeout=PATIENCE_MS)
    async with tab.expect_response("**/hybridcheck/state"):
        pass
    async with tab.expect_response("**/hybridcheck/state"):
        pass
    assert tab.url.rstrip("/") == ui.url


async def _read(page: Page, ui: OpenUi) -> None:
    """The page says what the file says, and the download is that file."""
    (document,) = ui.verdicts()
    await expect(page.locator("h1")).to_contain_text(document["verdict"])
    async with page.expect_download() as download:
        await page.get_by_role("link", name="Download JSON").click()
    saved = await (await download.value).path()
    assert json.loads(saved.read_bytes()) == document
