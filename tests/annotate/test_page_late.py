"""What comes late changes nothing that came after it: slow answers, retries, undo, addresses."""

import re
from typing import Any

import pytest

from model_guidance.annotate.session import Session
from tests.annotate.browsing import Opener, Tab, on_disk

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

    tab.keys("r")
    shown(named["train"][1])
    tab.keys("Escape").page.locator("[name=split]").select_option("test")
    tab.page.locator(f".tile button[data-position='3'][title='{named['test'][3]}']").wait_for()
    tab.image(3).keys("Control+z")
    shown(named["train"][0])
    tab.keys("PageDown")
    shown(named["test"][4])
    tab.keys("Escape").page.locator("[name=class]").select_option("dog")
    tab.page.locator(f".tile button[data-position='3'][title='{named['test'][15]}']").wait_for()
    tab.image(3).keys("Control+y")
    shown(named["train"][0])
    tab.keys("PageDown")
    shown(named["test"][16])
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
