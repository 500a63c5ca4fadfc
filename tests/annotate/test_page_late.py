"""What comes late changes nothing that came after it: slow answers, retries, undo, addresses."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from model_guidance.annotate.session import Session
from tests.annotate.browsing import Opener, Tab, on_disk, until

pytestmark = pytest.mark.slow


def hold(tab: Tab, address: str) -> list[Any]:
    """Hold back the answers to what is asked from now on; return them, which then grow."""
    held: list[Any] = []

    def keep(route: Any) -> None:
        if route.request.method == "GET":
            held.append(route)
        else:
            route.fallback()

    tab.page.route(address, keep)
    return held


def answer(tab: Tab, held: list[Any], **given: Any) -> None:
    """Answer what was held back, and wait until the page has dealt with it."""
    for route in held:
        with tab.page.expect_response(route.request.url):
            route.fulfill(**given)
    tab.page.evaluate("() => new Promise(done => setTimeout(done))")


def test_a_slow_answer_about_an_image_leaves_what_was_marked_meanwhile(
    open_tab: Opener, session: Session
) -> None:
    tab = open_tab().image(0)
    before, held = session.image("train", 0, "run"), hold(tab, "**/api/image/train/0*")
    tab.page.locator("[name=beside]").select_option("run")
    tab.keys("b").drag((2, 2), (12, 12)).saved()
    answer(tab, held, json=before)
    tab.page.locator("#stage-beside").wait_for()  # as the answer says
    (mark,) = on_disk(session)[session.photos["train"].names[0]]
    assert [each["uid"] for each in tab.drawn()] == [mark["uid"]]
    assert tab.complaints == []

    another = hold(tab, "**/api/image/train/1*")
    tab.keys("Escape", "Escape", "PageDown", "r")  # which says nothing of an image that is not shown
    tab.page.locator("#announcements", has_text="not there yet").wait_for(state="attached")
    tab.page.unroute("**/api/image/train/0*")
    tab.keys("PageUp")
    answer(tab, another, status=400, json={"error": "too late"})
    assert tab.page.locator("#complaint").is_hidden()
    assert [*session.marks.images] == [session.photos["train"].names[0]]


def test_what_is_discarded_while_it_is_tried_again_is_gone_and_nothing_else(
    open_tab: Opener, session: Session
) -> None:
    tab = open_tab().image(0)
    held: list[Any] = []
    refused = {"status": 400, "json": {"error": "refused"}}

    def refuse(route: Any) -> None:
        if tab.page.locator("#discard").is_hidden():
            route.fulfill(**refused)
        elif not held:
            held.append(route)
        else:
            route.continue_()

    tab.page.route(re.compile("/api/marks$"), refuse)
    with tab.page.expect_request(re.compile("/api/marks$")):
        tab.keys("b").drag((2, 2), (12, 12))
    with tab.page.expect_request(re.compile("/api/marks$")):
        tab.page.locator("#discard").wait_for()
    tab.page.locator("#discard").click()
    assert tab.drawn() == []
    tab.keys("b").drag((20, 20), (32, 32))
    answer(tab, held, **refused)
    tab.saved()
    (mark,) = on_disk(session)[session.photos["train"].names[0]]
    assert mark["points"][0] == [pytest.approx(20, abs=0.3)] * 2
    assert [each["uid"] for each in tab.drawn()] == [mark["uid"]]


def test_undo_elsewhere_and_an_address_in_the_open_tab_go_on_in_the_gallery(
    open_tab: Opener, session: Session
) -> None:
    tab = open_tab().image(0)
    named = {name: each.names for name, each in session.photos.items()}

    def shown(name: str) -> None:
        tab.page.locator("#image-name", has_text=name).wait_for()

    def goes_on(control: str, value: str, keys: str, opened: int) -> None:
        """Choose images, of which `opened` is the gallery's fourth; the keys lead out, Page Down back."""
        tab.keys("Escape").page.locator(f"[name={control}]").select_option(value)
        tab.page.locator(f".tile button[data-position='3'][title='{named['test'][opened]}']").wait_for()
        tab.image(3).keys(keys)
        shown(named["train"][0])
        tab.keys("PageDown")
        shown(named["test"][opened + 1])

    tab.keys("r")
    shown(named["train"][1])
    goes_on("split", "test", "Control+z", 3)
    goes_on("class", "dog", "Control+y", 15)
    tab.page.evaluate("location.hash = '#image=train/7&at=7&opacity=0.3&only=none'")
    shown(named["train"][7])
    chosen = tab.page.locator("#controls").evaluate(
        "all => [...all.querySelectorAll('select, input')].map(each => [each.name, each.value])"
    )
    assert {"split": "train", "class": "", "only": "all", "opacity": "0.3"}.items() <= dict(chosen).items()
    tab.page.evaluate("location.hash = '#main'")  # the link to the images
    tab.page.locator("#next").click()
    shown(named["train"][8])
    assert "image=train%2F8" in tab.page.evaluate("location.hash")


def test_answers_that_overtake_each_other(open_tab: Opener, session: Session) -> None:
    """Of rounds, verdicts, counts, models and the gallery: what was asked last is what is shown."""
    tab = open_tab()
    page, told = tab.page, session.described()

    def asked(address: str, ask: Callable[[], Any], times: int = 2) -> list[Any]:
        """Ask something several times; return the answers that are held back, the last one first."""
        held = hold(tab, address)
        for number in range(times):
            ask()
            until(lambda: page.evaluate("true") and len(held) > number, "nothing was asked")  # noqa: B023
        return held[::-1]

    def panel(name: str) -> None:
        page.locator("#close-panel").evaluate("button => button.click()")  # if there is one
        page.locator(f"#open-{name}").click()

    def rounds(state: str) -> list[dict[str, Any]]:
        known = {"epoch": 1, "epochs": 1, "seconds": 1, "message": "", "marks": 1, "lambda": 1}
        return [{"id": f"round-{number}", "state": state, **known} for number in (1, 2)]

    panel("train")
    page.route("**/api/rounds", lambda route: route.fulfill(json={"id": "round-2"}))  # of a post
    last, first = asked("**/api/rounds", page.locator("#train-start").click)
    answer(tab, [last], json=rounds("finished"))
    page.locator("#rounds .round.finished").nth(1).wait_for()
    answer(tab, [first], json=rounds("stopped"))

    panel("compare")
    (first,) = asked("**/api/compare/*", lambda: page.locator("#compare-round").select_option("round-1"), 1)
    page.get_by_text("comparing …").wait_for()
    second = {"verdict": "the second", "label": "", "before": {}, "after": {}}
    page.route("**/api/compare/round-2", lambda route: route.fulfill(json=second))
    page.locator("#compare-round").select_option("round-2")
    page.get_by_text("the second").wait_for()
    answer(tab, [first], status=400, json={"error": "the first"})
    assert page.locator("#verdict").inner_text() == "the second"
    assert page.locator("#rounds .round.finished").count() == 2

    last, first = asked("**/api/gallery*only=marked*", lambda: panel("train"))
    answer(tab, [last], json={"total": 2})
    answer(tab, [first], json={"total": 1})
    assert page.locator("#marked-count").inner_text() == "2 training images are marked."

    last, first = asked("**/api/session", lambda: panel("take"))
    for route, epoch in ((last, 9), (first, 8)):
        answer(tab, [route], json={**told, "models": [{**told["models"][0], "epoch": epoch}]})
    page.get_by_role("link", name="Weights of run, epoch 9").wait_for()

    page.goto("about:blank")
    page.unroute("**/api/session")
    (first,) = asked("**/api/gallery*", lambda: page.goto(f"{tab.address}#image=train/0&at=0"), 1)
    tab.opened().keys("PageDown", "Escape")  # closed before the next image is known
    answer(tab, [first], json=session.gallery({}))
    assert page.locator("#detail").is_hidden()


def test_a_gallery_that_is_refused_is_asked_for_only_once_in_a_while(
    open_tab: Opener, session: Session
) -> None:
    tab = open_tab()
    refused: list[Any] = []
    answered = {"status": 500, "json": {"error": "too busy"}}
    tab.page.route("**/api/gallery*", lambda route: (refused.append(route), route.fulfill(**answered)))
    tab.page.locator("[name=split]").select_option("val")
    tab.page.get_by_text("too busy").wait_for()
    tab.page.wait_for_timeout(300)
    assert len(refused) <= 2
    tab.page.unroute("**/api/gallery*")
    tab.page.locator(f".tile button[title='{session.photos['val'].names[0]}']").wait_for()
