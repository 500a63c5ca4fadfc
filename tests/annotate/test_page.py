"""The page in a real browser: look, mark by mouse and by keyboard, and lose nothing."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from model_guidance.annotate.session import Session
from tests.annotate.browsing import Opener, on_disk, until
from tests.annotate.conftest import ODD

pytestmark = pytest.mark.slow


def points_of(session: Session, name: str) -> list[list[list[float]]]:
    return [mark["points"] for mark in on_disk(session)[name]]


@pytest.mark.parametrize("width", [1280, 390])
def test_it_opens_sorts_and_fits_and_complains_about_nothing(
    open_tab: Opener, session: Session, width: int, violations: Callable[[Any], list[str]]
) -> None:
    tab = open_tab(width)
    tab.page.evaluate("document.querySelector('#controls').open = true")
    titles = tab.page.locator(".tile button").evaluate_all("each => each.map(one => one.title)")
    assert titles[: len(session.photos["train"])] == list(session.photos["train"].names)[: len(titles)]
    assert any(ODD in title for title in titles)  # as text: nothing of it runs
    tab.page.locator(".tile-prediction").first.wait_for()
    tab.page.locator("[name=order]").select_option("error")
    sorted_by_error = session.gallery({"split": "train", "order": "error"})["images"]
    tab.page.locator(f".tile button[data-position='0'][title='{sorted_by_error[0]['name']}']").wait_for()
    tab.page.locator("[name=only]").select_option("marked")
    tab.page.get_by_text("No image is like this.").wait_for()
    tab.page.locator("[name=only]").select_option("all")
    tab.page.locator(".tile:not(.waiting)").first.wait_for()
    assert violations(tab.page) == []
    tab.image(0)
    assert violations(tab.page) == []
    for panel in ("train", "compare", "take"):
        assert tab.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        tab.page.locator(f"#open-{panel}").click()
        tab.page.locator(f"#{panel} h2").wait_for()
        assert violations(tab.page) == []
    tab.keys("Escape", "?")
    tab.page.locator("#help").wait_for()
    assert violations(tab.page) == []
    assert tab.complaints == []


def test_a_slow_press_opens_an_image_while_the_gallery_settles(open_tab: Opener) -> None:
    """The tiles are put in order after scrolling, and one that moves under a press is not clicked."""
    tab = open_tab()
    tile = tab.page.locator("[data-position='0']")
    name = tile.get_attribute("title")
    tab.page.locator("#tiles").evaluate("list => list.append(...[...list.children].reverse())")
    tile.hover()
    tab.page.mouse.down()
    tab.page.locator("#gallery").dispatch_event("scroll")
    tab.page.wait_for_timeout(400)
    tab.page.mouse.up()
    tab.page.locator("#image-name", has_text=name).wait_for()
    assert tab.opened().page.locator("#image-name").inner_text() == name


def test_another_width_leaves_the_focus_on_its_image(open_tab: Opener) -> None:
    tab = open_tab()
    tile = tab.page.locator("[data-position='5']").element_handle()
    tile.focus()
    before = tile.bounding_box()
    tab.page.set_viewport_size({"width": 800, "height": 844})
    until(lambda: tile.bounding_box() != before, "the gallery is not laid out anew")
    tab.page.wait_for_timeout(300)
    assert tile.get_attribute("data-position") == "5"
    assert tab.page.evaluate("document.activeElement.dataset.position") == "5"


@pytest.mark.parametrize("ratio", [1, 2])
@pytest.mark.parametrize("zoom", [0, 3])
def test_marks_are_exact_at_any_zoom_and_pixel_ratio(
    open_tab: Opener, session: Session, ratio: float, zoom: int
) -> None:
    """What was dragged is on the disk to a fraction of a pixel, and drawn where the mouse was."""
    tab = open_tab(ratio=ratio).image(3)
    name = session.photos["train"].names[3]
    tab.keys(f"{zoom}*+", "b") if zoom else tab.keys("b")
    centre = session.photos["train"].sample(3).image
    left, top = centre.width / 2 - 4, centre.height / 2 - 3
    wanted = [[left, top], [left + 7, top + 5]]
    start, end = tab.screen(*wanted[0]), tab.screen(*wanted[1])
    tab.drag((left, top), (left + 7, top + 5)).saved()
    ((corners),) = points_of(session, name)
    unit = 7 / (end[0] - start[0])  # pixels of the image in one of the screen
    assert unit < 0.2
    for found, said in zip(corners, wanted, strict=True):
        assert found == pytest.approx(said, abs=max(unit, 0.011))
    (drawn,) = tab.drawn()
    assert drawn["box"] == pytest.approx([*start, *end], abs=1.5)


def test_by_keyboard_alone_a_box_a_polygon_and_what_to_ignore(open_tab: Opener, session: Session) -> None:
    """From the gallery on: no mouse is touched, and each corner is the pixel that was said."""
    tab = open_tab()
    sample = session.photos["train"].sample(1).image
    x, y = sample.width // 2, sample.height // 2
    tab.page.locator("[data-position='0']").focus()
    tab.keys("ArrowRight", "Enter").opened()
    tab.keys("b", "Shift+ArrowLeft", "ArrowUp", "Enter", "2*Shift+ArrowRight", "5*ArrowDown", "Enter")
    tab.keys("p", "Enter", "8*ArrowRight", "Enter", "8*ArrowDown", "Enter", "Enter")
    tab.keys("Escape", "Escape")  # the tool, then the selection
    tab.keys("i", "o", "Enter", "4*ArrowRight", "Enter").saved()
    box, polygon, point = on_disk(session)[session.photos["train"].names[1]]
    assert (box["kind"], box["points"]) == ("box", [[x - 10, y - 1], [x + 10, y + 4]])
    assert polygon["kind"] == "polygon"
    assert polygon["points"] == [[x, y], [x + 8, y], [x + 8, y + 8]]
    assert (point["kind"], point["points"], point["radius"]) == ("point", [[x, y]], 4)
    assert [each["ignored"] for each in (box, polygon, point)] == [False, False, True]
    assert [each["text"] for each in tab.drawn() if each["ignored"]] == ["ignore"]
    tab.keys("Escape", "Escape", "Escape")
    tab.page.locator("[data-position='1']:focus").wait_for()
    assert tab.page.locator("[data-position='1'] .badge").inner_text() == "3 marks"


def test_a_reload_shows_what_was_marked_and_undo_takes_it_back(open_tab: Opener, session: Session) -> None:
    tab = open_tab().image(2)
    name = session.photos["train"].names[2]
    tab.keys("b").drag((5, 6), (25, 26)).keys("p").click((4, 4), (30, 4), (30, 30))
    tab.page.locator("#finish").click()
    tab.saved()
    before = on_disk(session)[name]
    assert {mark["kind"] for mark in before} == {"box", "polygon"}
    tab.page.reload()
    tab.opened().page.locator("#stage .mark").nth(1).wait_for()
    assert {each["uid"] for each in tab.drawn()} == {mark["uid"] for mark in before}
    tab.keys("s", "Shift+ArrowRight").saved()
    moved = points_of(session, name)
    tab.keys("Delete").saved()
    assert len(on_disk(session)[name]) == 1
    tab.keys("Control+z").saved()
    assert sorted(points_of(session, name)) == sorted(moved)
    tab.keys("Control+z").saved()
    assert sorted(points_of(session, name)) == sorted(mark["points"] for mark in before)
    tab.keys("Control+y").saved()
    assert sorted(points_of(session, name)) == sorted(moved)


def test_handles_resize_and_the_middle_moves(open_tab: Opener, session: Session) -> None:
    tab = open_tab().image(4)
    name = session.photos["train"].names[4]
    tab.keys("b").drag((5, 5), (20, 20)).keys("v")
    tab.drag((20, 20), (30, 25)).drag((12, 12), (15, 13)).saved()
    ((corners),) = points_of(session, name)
    assert corners == [pytest.approx([8, 6], abs=0.2), pytest.approx([33, 26], abs=0.2)]
    tab.keys("2", "i").saved()
    (mark,) = on_disk(session)[name]
    assert (mark["label"], mark["ignored"]) == ("dog", True)


def test_the_datas_own_regions_are_copied_when_they_are_selected(open_tab: Opener, session: Session) -> None:
    tab = open_tab()
    tab.page.locator("[name=split]").select_option("test")
    name = session.photos["test"].names[0]
    tab.page.locator(f".tile button[title='{name}']").wait_for()
    tab.image(0).page.locator("#stage .own").wait_for()
    assert on_disk(session) == {}
    tab.click((20, 20)).keys("ArrowDown").saved()
    assert points_of(session, name) == [[[10, 11], [30, 31]]]
    assert tab.page.locator("#stage .own").count() == 0
    tab.page.locator("[name=without]").check()
    tab.page.locator("#stage image.photo[href^='/without/']").wait_for(state="attached")


def test_two_tabs_lose_nothing_of_each_other(open_tab: Opener, session: Session) -> None:
    one, other = open_tab().image(0), open_tab().image(0)
    name = session.photos["train"].names[0]
    one.keys("b").drag((2, 2), (12, 12)).saved()
    other.keys("b").drag((20, 20), (32, 32)).saved()
    uids = {mark["uid"] for mark in on_disk(session)[name]}
    assert len(uids) == 2
    for tab in (one, other):
        until(lambda tab=tab: {each["uid"] for each in tab.drawn()} == uids, "one tab lacks a mark")


def test_what_is_not_saved_is_said_kept_and_sent_later(open_tab: Opener, session: Session) -> None:
    tab = open_tab().image(0)
    refuse = re.compile("/api/marks$")
    tab.page.route(refuse, lambda route: route.fulfill(status=503, json={"error": "the disk is full"}))
    tab.keys("b").drag((2, 2), (12, 12)).drag((20, 20), (32, 32))
    tab.page.get_by_text("not saved: the disk is full").wait_for()
    assert on_disk(session) == {}
    tab.page.reload()
    tab.opened().page.locator("#stage .mark").nth(1).wait_for()
    tab.page.unroute(refuse)
    tab.saved()
    assert len(on_disk(session)[session.photos["train"].names[0]]) == 2


def test_statuses_go_on_to_the_next_image(open_tab: Opener, session: Session) -> None:
    tab = open_tab().image(0)
    names = session.photos["train"].names
    tab.keys("r").page.locator("#image-name", has_text=names[1]).wait_for()
    tab.keys("x").page.locator("#image-name", has_text=names[2]).wait_for()
    tab.saved()
    assert [session.marks.images[names[number]].status for number in (0, 1)] == ["right", "skip"]
    tab.keys("Control+z").page.locator("#image-name", has_text=names[1]).wait_for()
    tab.saved()
    assert names[1] not in session.marks.images


def test_a_finger_draws_on_a_telephone(open_tab: Opener, session: Session) -> None:
    tab = open_tab(390, 3, touch=True)
    tab.page.locator("[data-position='5']").tap()
    tab.opened().page.get_by_role("button", name="Box").tap()
    for corner in ((5, 6), (25, 27)):
        tab.page.touchscreen.tap(*tab.screen(*corner))
    tab.saved()
    ((corners),) = points_of(session, session.photos["train"].names[5])
    assert corners == [pytest.approx([5, 6], abs=0.3), pytest.approx([25, 27], abs=0.3)]
    sizes = tab.page.locator("#detail button:visible").evaluate_all(
        """each => each.map(one => one.getBoundingClientRect())
            .map(box => [box.left >= 0, box.right <= innerWidth, box.height >= 44])"""
    )
    assert all(all(each) for each in sizes)


def test_thousands_of_images_have_few_elements(open_tab: Opener, session: Session) -> None:
    """A made-up gallery of 12,000: only what is seen exists, and the end is reached at once."""
    (entry, *_), total = session.gallery({})["images"], 12_000

    def many(route: Any) -> None:
        offset = int(re.search(r"offset=(\d+)", route.request.url)[1])
        images = [{**entry, "name": f"{offset + number}.png"} for number in range(200)]
        route.fulfill(json={"total": total, "ready": True, "message": "", "images": images})

    tab = open_tab()
    tab.page.route("**/api/gallery*", many)
    tab.page.locator("[name=split]").select_option("val")
    tab.page.get_by_text("12,000 images").wait_for()
    tab.page.locator("[data-position='0']").focus()
    tab.keys("End").page.locator("[data-position='11999']:focus[title='11999.png']").wait_for()
    assert tab.page.locator(".tile").count() < 120


def test_help_is_a_dialog_and_what_the_cursor_does_is_said(open_tab: Opener) -> None:
    tab = open_tab().image(0)
    tab.page.locator("#stage").focus()
    tab.keys("?")
    assert tab.page.get_by_role("dialog", name="All keys").is_visible()
    tab.keys("Escape", "b", "ArrowRight")
    assert "x " in tab.page.locator("#announcements").inner_text()
