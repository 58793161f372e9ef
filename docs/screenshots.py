"""Takes the picture of docs/load-ui.md: a spike on the demo system, in headless Chromium. `python docs/screenshots.py`."""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

IMAGES = Path(__file__).parent / "images"
SPIKE = ("--shape", "spike", "--rate", "60", "--peak", "190", "--duration", "18")
WIDTH, HEIGHT = 1200, 720


def main() -> None:
    """Start the UI, run the spike, and take a picture while it runs and one of the verdict."""
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "hybridcheck", "load", "--demo", "--ui", "--ui-port", "0", "--processes", "2"]
        command += ["--output-dir", folder, "--budget", "full", *SPIKE]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as served:
            assert served.stderr is not None
            found = re.search(r"http://\S+", served.stderr.readline())
            assert found is not None
            try:
                _take(found.group(0), sys.argv[1] if len(sys.argv) > 1 else "steady")
            finally:
                served.terminate()


def _take(url: str, phase: str) -> None:
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        page.goto(url)
        chosen = next(name for name in page.locator("select option").all_inner_texts() if name.startswith(phase))
        page.locator("select").select_option(chosen)
        page.get_by_role("button", name="Start").click()
        page.get_by_text("under load").wait_for(timeout=60_000)
        page.get_by_role("tab", name="Limits").click()
        page.wait_for_timeout(9_000)
        page.screenshot(path=IMAGES / "load-ui-limits.png")
        page.wait_for_url(re.compile(r"/verdict/[^/]+$"), timeout=300_000)
        page.screenshot(path=IMAGES / "load-ui-verdict.png")
        browser.close()


if __name__ == "__main__":
    main()
