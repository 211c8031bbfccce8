"""Light or dark: the system's, a person's, or a host's wish in the address."""

import pytest
from hands import model_drawn

READY = ".here[data-by='browser']"
DARK = "document.body.classList.contains('dark')"


@pytest.mark.parametrize(
    "wish, system, dark",
    [("dark", "light", True), ("light", "dark", False), ("system", "dark", True), ("lava", "light", False)],
)
def test_a_hosts_wish_in_the_address_comes_before_the_system(visit, app, wish, system, dark):
    page = visit(f"{app.url}?__theme={wish}&ground=none", ready=READY, color_scheme=system)
    assert page.evaluate(DARK) is dark


def test_the_hosts_wish_stays_in_this_address_and_in_no_link_and_is_not_kept(visit, app):
    page = visit(f"{app.url}?__theme=dark&ground=none", ready=READY, color_scheme="light")
    page.get_by_label("colour").select_option("kl")
    page.wait_for_function("location.search.includes('colour=kl')")
    assert "__theme=dark" in page.url and page.evaluate(DARK)
    link = page.get_by_role("button", name="Copy a link to this view")
    link.click()
    page.wait_for_selector("[data-copied]")
    assert "__theme" not in link.get_attribute("data-copied")
    page.goto(app.url + "?ground=none")
    page.wait_for_selector(READY)
    assert not page.evaluate(DARK)


def test_a_press_of_the_button_comes_before_the_hosts_wish_after_a_reload_too(visit, app):
    page = visit(f"{app.url}?__theme=dark&ground=none", ready=READY, color_scheme="light")
    page.get_by_role("button", name="Switch between light and dark").click()
    page.wait_for_function(f"!{DARK}")
    page.emulate_media(color_scheme="dark")
    page.emulate_media(color_scheme="light")
    page.get_by_role("group", name="size of z").get_by_role("button", name="20").click()
    model_drawn(page, "mnist-default-z20")
    assert not page.evaluate(DARK)
    page.reload()
    page.wait_for_selector(READY)
    assert not page.evaluate(DARK)
