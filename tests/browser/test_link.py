"""An address opens what it names; where it names what is not there, the usual view and one line that says so."""

import json

import pytest
from hands import drag, map_box

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
    [
        ("data=cats&at=NaN,1&view=0,0,0", ["the data set cats", "the place NaN,1", "the view 0,0,0"]),
        (
            "chart=axes:0,30&z=7&ground=lava&image=-3",
            ["the chart axes:0,30", "the size of z 7", "the ground lava", "the test image -3"],
        ),
        (
            "recipe=<img>&at=1,2,3&view=0,0,NaN&hide=1,x",
            ["the recipe <img>", "the place 1,2,3", "the view 0,0,NaN", "the hidden classes 1,x"],
        ),
        ("model=nobody&chart=plane:1,1,2", ["the model nobody", "the chart plane:1,1,2"]),
        ("data=mnist&recipe=conv&z=40", ["the model mnist, conv, z of 40"]),
        ("image=99999", ["there is no 99999"]),
        ("chart=umap&at=1,1", ["has no charts.safetensors"]),
    ],
)
def test_a_link_to_what_is_not_there_opens_the_usual_view_and_says_so_in_one_line(visit, app, search, named):
    page = visit(f"{app.url}?{search}")
    alarm = page.locator(".head__alarm:not([hidden])")
    for words in named:
        alarm.get_by_text(words).wait_for()
    assert alarm.locator("div, p").count() == 0  # one line
    assert page.locator(".latent-map").get_attribute("data-model") == Z2
    page.get_by_role("button", name="Dismiss").click()
    assert alarm.is_hidden() and page.locator(".latent-map[data-chart='axes:0,1']").count() == 1


def test_a_usual_address_says_nothing(page):
    assert page.locator(".head__alarm").is_hidden()


def test_the_place_is_said_aloud_once_the_pointer_rests(page):
    page.wait_for_selector(".here[data-by='browser']")
    page.wait_for_function(
        "document.querySelector('.latent-map [aria-live]').textContent.includes('looks like')"
    )
    z = json.loads(page.locator(".here").get_attribute("data-z"))
    assert f"{abs(z[0]):.2f}" in page.locator(".latent-map [aria-live]").text_content()


def ranges(page) -> list[float]:
    """What Plotly's own axes show."""
    return page.evaluate(
        "(({ xaxis, yaxis }) => [...xaxis.range, ...yaxis.range])(document.querySelector('.latent-map .plot__points')._fullLayout)"
    )


def test_the_address_follows_the_view_and_opens_all_of_it_again(visit, app):
    page = visit(f"{app.url}?model=mnist-default-z20&chart=axes:3,7&anchor=9&ground=none")
    page.wait_for_selector(".latent-map[data-chart='axes:3,7']")
    page.get_by_role("button", name="Closer").click()
    box = map_box(page)
    drag(page, (300, 300), (380, 260))
    page.locator(".legend__key[data-label='3']").click()
    page.mouse.click(box["x"] + 200, box["y"] + 250)
    page.wait_for_function(
        "['hide=3', 'view=', 'anchor=9', 'chart=axes:3,7', 'model=mnist-default-z20'].every((part) => location.search.includes(part))"
    )
    page.wait_for_function(
        "Math.abs(JSON.parse(document.querySelector('.here').dataset.z)[3] - Number(new URLSearchParams(location.search).get('at').split(',')[0])) < 0.001"
    )
    again = visit(page.url)
    again.wait_for_selector(".latent-map[data-chart='axes:3,7']")
    again.wait_for_selector(".legend__key[data-label='3'][aria-pressed='false']")
    assert ranges(again) == pytest.approx(ranges(page), abs=0.01)
    there = [json.loads(p.locator(".here").get_attribute("data-z")) for p in (page, again)]
    assert there[0] == pytest.approx(there[1], abs=1e-3)
