"""The page in a real browser, on a desk and on a telephone."""

import shutil

import pytest
from tests.report.folders import scores, write_comparison, write_run

from model_guidance.report.page import write_report

sync_api = pytest.importorskip("playwright.sync_api")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("browser")
    write_comparison(folder / "runs")
    write_run(
        folder / "runs" / "a-run-with-a-name-that-is-long-enough-to-break-any-line" / "x",
        [scores(1, 1)],
        size=32,
    )
    return write_report([folder / "runs"], folder / "out", "Comparison").page


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_fits_and_complains_about_nothing(page, browser, width):
    complaints, requests = [], []
    tab = browser.new_page(viewport={"width": width, "height": 844})
    tab.on("console", lambda message: complaints.append(message.text))
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.on("requestfailed", lambda request: complaints.append(request.url))
    tab.on("request", lambda request: requests.append(request.url))
    tab.goto(page.as_uri())
    for summary in tab.locator("details:not([open]) > summary").all()[::-1]:  # the last first: they change
        summary.click()
    assert complaints == []
    assert [url for url in requests if not url.startswith("data:")] == [page.as_uri()]
    assert tab.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert tab.locator("svg[role=img]").count() == 5
    tab.close()
