"""The page in a real browser, on a desk and on a telephone."""

import itertools
from pathlib import Path
from urllib.parse import unquote

import pytest
from tests.report.folders import scores, write_comparison, write_run

from model_guidance.report.page import write_report

pytestmark = pytest.mark.slow


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


@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_fits_and_complains_about_nothing(page, browser, violations, width):
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
    assert violations(tab) == []
    assert [url for url in requests if not url.startswith("data:")] == [page.as_uri()]
    assert tab.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert tab.locator("svg[role=img]").count() == 5
    tab.close()


@pytest.fixture
def phone(page, browser):
    tab = browser.new_page(viewport={"width": 390, "height": 844}, device_scale_factor=2)
    tab.goto(page.as_uri())
    tab.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    yield tab
    tab.close()


def test_the_contents_lead_to_what_they_name(phone):
    links = phone.locator("nav a").all()
    assert len(links) > 8
    for link in links:
        target = phone.locator(f"[id='{link.get_attribute('href')[1:]}']")
        assert target.count() == 1
        heading = target if target.evaluate("each => each.tagName") != "SECTION" else target.locator("h2")
        assert heading.inner_text() == link.inner_text()
    links[-1].click()
    assert phone.evaluate("window.scrollY") > 1000


def test_a_telephone_shows_every_column_of_every_row(phone):
    """Each cell with something in it is wholly on the screen and says of which column it is."""
    missing = phone.evaluate(
        """() => [...document.querySelectorAll('.grid td')].filter(cell => {
            const box = cell.getBoundingClientRect(), said = getComputedStyle(cell, '::before').content;
            const seen = box.width > 0 && box.left >= 0 && box.right <= window.innerWidth;
            return cell.textContent != '–' && !(seen && said == JSON.stringify(cell.dataset.label));
        }).map(cell => cell.outerHTML)"""
    )
    assert missing == []
    assert phone.locator(".grid td").count() > 100
    cut = "each => each.filter(one => one.scrollWidth > one.clientWidth).length"
    assert phone.locator(".wide").evaluate_all(cut) == 0


def test_a_desk_cuts_no_column_of_the_main_tables(page, browser):
    tab = browser.new_page(viewport={"width": 1280, "height": 844})
    tab.goto(page.as_uri())
    widths = "each => each.map(one => [one.scrollWidth, one.clientWidth])"
    for needed, there in tab.locator("h3 ~ .wide").evaluate_all(widths):
        assert needed <= there
    tab.close()


def test_what_scrolls_can_be_reached_by_keyboard_and_pictures_have_words(phone):
    assert phone.locator(".wide:not([tabindex='0']), .wide:not([aria-label])").count() == 0
    assert phone.locator("img:not([alt]), img[alt='']").count() == 0
    assert phone.locator("svg[role=img]:not([aria-label])").count() == 0
    levels = phone.locator("h1, h2, h3, h4").evaluate_all("each => each.map(one => +one.tagName[1])")
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))


def test_tables_and_figures_can_be_taken_away(page, phone):
    links = phone.locator("a[download]").evaluate_all("each => each.map(one => one.href)")
    assert {link.rsplit(".", 1)[1] for link in links} == {"csv", "tex", "md", "png", "svg", "pdf"}
    for link in links:
        assert Path(unquote(link.removeprefix("file://"))).stat().st_size > 0
