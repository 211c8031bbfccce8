"""What an update leaves as it is: the keyboard's place, a double click, an open hint, and a text that is being typed."""

import pytest
from hands import model_drawn, points_drawn, tab
from safetensors.numpy import load_file
from support import MODELS

Z2, Z20 = "mnist-default-z2", "mnist-default-z20"


@pytest.fixture(scope="module")
def labels():
    return load_file(MODELS / Z2 / "codes.safetensors")["labels"]


def focus(page, selector: str):
    """Puts the keyboard on a control and gives back this very element."""
    page.keyboard.press("Tab")  # the page counts as used by the keyboard from here on
    element = page.wait_for_selector(selector)
    element.focus()
    return element


def assert_focused(element) -> None:
    assert element.evaluate("one => one.isConnected && document.activeElement === one")


def change(page, patch: dict) -> None:
    """What another part of the page would change in what the map shows."""
    page.evaluate(
        """async (patch) => (await import(document.querySelector("link[rel=modulepreload][href$='mapview.js']").href)).main.set(patch)""",
        patch,
    )


def test_the_keyboard_stays_on_the_same_legend_name_through_many_presses(page, labels):
    points_drawn(page, len(labels))
    name = focus(page, ".legend__key[data-label='3']")
    for key, count in (
        ("Space", (labels != 3).sum()),
        ("Enter", len(labels)),
        ("Space", (labels != 3).sum()),
    ):
        page.keyboard.press(key)
        points_drawn(page, int(count))
        assert_focused(name)
    page.keyboard.press("Shift+Enter")
    points_drawn(page, int((labels == 3).sum()))
    assert_focused(name)
    assert name.get_attribute("aria-pressed") == "true"


def test_the_keyboard_stays_on_the_same_button_of_a_segmented_control(page):
    group = "[role=group][aria-label='size of z']"
    twenty = focus(page, f"{group} [data-value='20']")
    two = page.query_selector(f"{group} [data-value='2']")
    page.keyboard.press("Enter")
    model_drawn(page, Z20)
    assert_focused(twenty)
    assert (twenty.get_attribute("aria-pressed"), two.get_attribute("aria-pressed")) == ("true", "false")
    two.focus()
    page.keyboard.press("Space")
    model_drawn(page, Z2)
    assert_focused(two)
    assert (twenty.get_attribute("aria-pressed"), two.get_attribute("aria-pressed")) == ("false", "true")


def test_the_keyboard_stays_on_the_same_list_and_the_list_says_what_was_chosen(page):
    ground = focus(page, "select[aria-label='ground']")
    for value in ("support", "none"):
        ground.select_option(value)
        page.wait_for_function(
            "value => document.querySelector(\"select[aria-label='ground']\").value === value", arg=value
        )
        assert_focused(ground)


def test_a_double_click_on_a_legend_name_leaves_this_class_alone(page, labels):
    points_drawn(page, len(labels))
    name = page.wait_for_selector(".legend__key[data-label='5']")
    name.click()
    points_drawn(page, int((labels != 5).sum()))
    name.dblclick()
    points_drawn(page, int((labels == 5).sum()))
    assert name.evaluate("one => one.isConnected") and name.get_attribute("aria-pressed") == "true"


def test_quick_clicks_on_two_legend_names_are_no_double_click(page, labels):
    points_drawn(page, len(labels))
    page.locator(".legend__key[data-label='3']").click()
    page.locator(".legend__key[data-label='5']").click()
    points_drawn(page, int(((labels != 3) & (labels != 5)).sum()))


@pytest.mark.parametrize("by", ["keyboard", "mouse"])
def test_the_hint_of_a_button_stays_open_while_it_is_pressed(page, labels, by):
    name = focus(page, ".legend__key[data-label='3']")
    if by == "mouse":
        name.hover()
    hint = page.wait_for_selector(".hint")
    if by == "mouse":
        name.click()
    else:
        page.keyboard.press("Space")
    points_drawn(page, int((labels != 3).sum()))
    assert hint.evaluate("one => one.isConnected") and page.locator(".hint").count() == 1
    assert name.get_attribute("aria-describedby") == hint.get_attribute("id")


def test_an_open_hint_says_what_its_element_says_now(page):
    size = focus(page, ".sizes__one[data-size='20']")
    page.wait_for_function("document.querySelector('.hint')?.textContent.includes('nats')")
    before = page.locator(".hint").text_content()
    change(page, {"index": 42})
    page.wait_for_selector(".sizes[data-index='42']")
    page.wait_for_function("before => document.querySelector('.hint').textContent !== before", arg=before)
    assert page.locator(".hint").text_content() == size.get_attribute("data-hint")


def test_an_open_hint_goes_with_its_element(page):
    tab(page, "Compare", ".compare[data-ready]")
    page.get_by_role("button", name="others").hover()
    page.wait_for_selector(".hint")
    page.locator(".compare [data-value='list']").dispatch_event("click")
    page.wait_for_selector(".hint", state="detached")


def test_an_update_of_the_bar_takes_no_text_that_is_being_typed(page):
    box = page.wait_for_selector("input[aria-label='test image number']")
    box.focus()
    page.keyboard.type("12")
    change(page, {"ground": "support"})
    page.wait_for_function("document.querySelector(\"select[aria-label='ground']\").value === 'support'")
    assert_focused(box)
    page.keyboard.type("3")
    page.keyboard.press("Enter")
    page.wait_for_selector(".selected-image[data-index='123']")
