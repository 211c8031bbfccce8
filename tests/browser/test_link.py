"""An address opens what it names; where it names what is not there, the usual view and one line that says so."""

import json

import pytest

Z2 = "mnist-default-z2"


def test_ground_and_colour_travel_in_the_address(page, visit):
    page.wait_for_selector(".here[data-by='browser']")
    page.get_by_label("ground").select_option("density")
    page.get_by_label("colour").select_option("kl")
    page.get_by_role("button", name="Copy a link to this view").click()
    page.wait_for_function("location.search.includes('ground=density')")
    again = visit(page.url)
    again.wait_for_selector(".latent-map[data-colour='kl']")
    again.wait_for_selector(".plot__ground[data-what='density']", state="attached")


@pytest.mark.parametrize(
    "search, named",
    [("data=cats", "the data set cats"), ("at=NaN,1", "the place NaN,1"), ("chart=axes:0,30", "the chart axes:0,30"), ("z=7", "the size of z 7"),
     ("ground=lava&image=-3", "the ground lava and the test image -3"), ("recipe=<img>", "the recipe <img>")],
)  # fmt: skip
def test_a_link_to_what_is_not_there_opens_the_usual_view_and_says_so_in_one_line(visit, app, search, named):
    page = visit(f"{app.url}?{search}")
    alarm = page.locator(".head__alarm")
    assert alarm.is_visible() and named in alarm.text_content()
    assert page.locator(".latent-map").get_attribute("data-model") == Z2
    page.get_by_role("button", name="Dismiss").click()
    assert alarm.is_hidden()


def test_a_usual_address_says_nothing(page):
    assert page.locator(".head__alarm").is_hidden()


def test_the_place_is_said_aloud_once_the_pointer_rests(page):
    page.wait_for_selector(".here[data-by='browser']")
    page.wait_for_function("document.querySelector('.latent-map [aria-live]').textContent.includes('looks like')")
    z = json.loads(page.locator(".here").get_attribute("data-z"))
    assert f"{abs(z[0]):.2f}" in page.locator(".latent-map [aria-live]").text_content()
