"""From marks to a better model without leaving the page: train, look, compare, take away."""

import json
import signal
from collections.abc import Iterator

import pytest

from model_guidance.annotate.session import Session
from tests.annotate.browsing import Opener, until

pytestmark = pytest.mark.slow
TRAINED = 90_000  # milliseconds that a round of two epochs may take


def test_a_round_is_trained_compared_and_taken_away(open_tab: Opener, session: Session) -> None:
    tab = open_tab()
    page = tab.page
    for position in range(3):
        tab.image(position).keys("b").drag((8, 8), (31, 31)).saved()
        page.locator("#back").click()
    page.locator("#open-compare").click()
    page.get_by_text("No round is finished yet").wait_for()
    page.locator("#open-train").click()
    page.get_by_text("3 training images are marked.").wait_for()
    page.locator("#lambda").fill("1.3")
    assert page.locator("#lambda-value").inner_text() == "20"
    page.locator("[name=epochs]").fill("2")
    page.locator("#train-start").click()
    page.locator("#rounds .round.running").wait_for()
    assert page.locator("#train-start").is_disabled()
    page.locator("#rounds .round.finished").wait_for(timeout=TRAINED)
    facts = page.locator("#rounds .caption").inner_text()
    assert facts.startswith("λ 20 · 3 marked images · epoch 2 of 2 · ")
    page.get_by_role("button", name="Compare: round-1").click()
    found = session.compared("round-1")
    until(lambda: page.locator("#verdict").inner_text() == found["verdict"], "the verdict is not shown")
    shown = {
        row[0]: row[1:]
        for row in page.locator("#compare-table tbody tr:not(.shared)").evaluate_all(
            "rows => rows.map(row => [...row.children].map(cell => cell.textContent))"
        )
    }
    for name, before in found["before"]["scores"].items():
        if 0 <= before <= 1:
            assert shown[name][:2] == [f"{100 * before:.1f}", f"{100 * found['after']['scores'][name]:.1f}"]
    page.get_by_role("button", name="Look at both").click()
    page.locator("#close-panel").click()
    tab.image(0)
    page.locator("#views svg").nth(1).wait_for()  # the round beside the run
    page.locator("#open-take").click()
    with page.expect_download() as marks:
        page.get_by_role("link", name="Marks as COCO").click()
    assert len(json.loads(marks.value.path().read_text())["annotations"]) == 3
    with page.expect_download() as weights:
        page.get_by_role("link", name="Weights of round-1, epoch 2").click()
    assert weights.value.suggested_filename == "round-1.safetensors"
    with page.expect_popup() as report:
        page.locator("#report").click()
    report.value.get_by_role("heading", name="Rounds").wait_for()
    assert tab.complaints == []


@pytest.fixture
def ignored_interrupts() -> Iterator[None]:
    """Ignore Ctrl-C, as a process in the background of a script does, and all that it starts."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    yield
    signal.signal(signal.SIGINT, before)


def test_a_round_that_is_stopped_says_so_and_another_one_can_begin(
    open_tab: Opener, session: Session, ignored_interrupts: None
) -> None:
    tab = open_tab().image(0).keys("b").drag((8, 8), (31, 31)).saved()
    page = tab.page
    page.locator("#open-train").click()
    page.locator("[name=epochs]").fill("1000")
    page.locator("#train-start").click()
    stop = page.get_by_role("button", name="Stop: round-1")
    stop.focus()
    until(lambda: "epoch 0" not in page.locator("#rounds .caption").inner_text(), "nothing was learned")
    assert stop.evaluate("button => button === document.activeElement")  # though the rest has changed
    stop.click()
    page.locator("#rounds .round.stopped").wait_for()
    assert session.rounds["round-1"].described()["epoch"] >= 1
    assert page.locator("#train-start").is_enabled()
