"""What lies under a hand stays under it: wheel, middle button, two fingers."""

import pytest

from model_guidance.annotate.session import Session
from tests.annotate.browsing import Opener, Tab, on_disk, until

pytestmark = pytest.mark.slow
POINT = (12, 20)  # of the image


def pixels_of_screen(tab: Tab) -> float:
    """Return how many pixels of the screen a pixel of the image has."""
    return tab.screen(1, 0)[0] - tab.screen(0, 0)[0]


def test_the_wheel_zooms_about_the_pointer(open_tab: Opener) -> None:
    tab = open_tab().image(3)
    before, at = pixels_of_screen(tab), tab.screen(*POINT)
    tab.page.mouse.move(*at)
    tab.page.mouse.wheel(0, -300)
    until(lambda: pixels_of_screen(tab) > 1.5 * before, "it does not zoom in")
    assert tab.screen(*POINT) == pytest.approx(at, abs=1)
    tab.page.mouse.wheel(0, 300)
    until(lambda: pixels_of_screen(tab) < 1.1 * before, "it does not zoom out")
    assert pixels_of_screen(tab) == pytest.approx(before, rel=0.01)


def test_the_middle_button_pans_whatever_the_tool_and_only_the_first_one_draws(
    open_tab: Opener, session: Session
) -> None:
    tab = open_tab().image(3).keys("b")
    (x, y), scale = tab.screen(*POINT), pixels_of_screen(tab)
    tab.page.mouse.move(x, y)
    tab.page.mouse.down(button="middle")
    tab.page.mouse.move(x + 20, y - 10)
    tab.page.mouse.move(x + 60, y - 30)
    tab.page.mouse.up(button="middle")
    assert tab.screen(*POINT) == pytest.approx((x + 60, y - 30), abs=1)
    assert pixels_of_screen(tab) == pytest.approx(scale)
    for button in ("middle", "right"):
        tab.page.mouse.click(x, y, button=button)
    assert tab.page.locator("#stage rect.draft").count() == 0
    assert on_disk(session) == {}
    tab.drag((5, 6), (25, 27)).saved()  # a box is as exact as before
    ((mark,),) = on_disk(session).values()
    assert mark["points"] == [pytest.approx([5, 6], abs=0.3), pytest.approx([25, 27], abs=0.3)]


def test_two_fingers_pan_and_zoom_and_draw_nothing(open_tab: Opener, session: Session) -> None:
    tab = open_tab(390, 2, touch=True)
    tab.page.locator("[data-position='3']").tap()
    tab.opened().page.get_by_role("button", name="Box").tap()
    (x, y), scale = tab.screen(*POINT), pixels_of_screen(tab)
    fingers = tab.page.context.new_cdp_session(tab.page)

    def touch(kind: str, *places: tuple[float, float]) -> None:
        points = [{"x": a, "y": b, "id": number} for number, (a, b) in enumerate(places)]
        fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", (x - 20, y))
    touch("touchStart", (x - 20, y), (x + 20, y))
    for step in range(1, 5):  # from 40 to 80 pixels apart, their middle 12 to the right
        touch("touchMove", (x - 20 - 2 * step, y), (x + 20 + 8 * step, y))
    touch("touchEnd")
    assert pixels_of_screen(tab) == pytest.approx(2 * scale, rel=0.02)
    assert tab.screen(*POINT) == pytest.approx((x + 12, y), abs=2)
    assert not tab.drawn()
    assert on_disk(session) == {}
