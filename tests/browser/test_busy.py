"""What the page does while its server is too busy: whatever is refused at first comes in the end, and nobody is told of a short wait."""

import json
import re
from collections import Counter

import pytest
from hands import map_box, model_drawn, tab

BUSY = (429, {"Retry-After": "1"})
KINDS = {
    "doors": "component_server",
    "modules": r"/js/.*\.js$",
    "style sheets and the plotting library": r"/css/.*\.css$|plotly\.min\.js$",
    "models and images": "lx/(models|images)/",
    "the shell's own files": r"/(assets|static)/.*\.(js|css)$|theme\.css",
}


def first_of_each(kind: str, times: int = 1):
    """Refuses every address of a kind, and every door, so often."""
    asked: Counter[str] = Counter()

    def refuse(path: str, body: bytes):
        if not re.search(KINDS[kind], path.partition("?")[0]):
            return None
        name = path + (json.loads(body)["fn_name"] if body else "")
        asked[name] += 1
        return BUSY if asked[name] <= times else None

    refuse.asked = asked
    return refuse


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_whose_first_requests_are_refused_comes_up_and_works(app, visit, forward, kind):
    forwarder = forward(app.url)
    forwarder.refuse = first_of_each(kind)
    page = visit("about:blank", ready=None, forgiving=True, service_workers="block")  # a profile of its own
    errors = []
    page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(forwarder.url, wait_until="commit")
    model_drawn(page, "mnist-default-z2")
    page.wait_for_selector(".sizes__one canvas")
    assert forwarder.refuse.asked
    tab(page, "About", ".about[data-ready]")
    page.locator("#lx-waiting").wait_for(state="hidden")
    assert [
        text for text in errors if not re.search("Failed to (load resource|fetch)|Unable to preload", text)
    ] == []


def test_the_last_place_of_a_drag_is_answered_though_the_server_was_busy_meanwhile(app, visit, forward):
    forwarder = forward(app.url)
    no_file = r"lx/models/"  # the server alone decodes
    forwarder.refuse = lambda path, _: (404, {}) if re.search(no_file, path) else None
    page = visit(f"{forwarder.url}?ground=none", ready=".here[data-by='server']", forgiving=True)
    box, places = map_box(page), []

    def refuse(path: str, body: bytes):
        if b'"fn_name":"place"' in body:
            places.append(json.loads(body)["data"])
            return (503, {"Retry-After": "1"}) if len(places) <= 2 else None
        return (404, {}) if re.search(no_file, path) else None

    forwarder.refuse = refuse
    before = page.locator(".here").get_attribute("data-z")
    for share in (0.3, 0.4, 0.5, 0.6):
        page.mouse.move(box["x"] + share * box["width"], box["y"] + 0.4 * box["height"])
    page.wait_for_function("before => document.querySelector('.here').dataset.z !== before", arg=before)
    page.wait_for_selector(".here:not(.busy)")
    asked = [place.get("uv") or place["z"] for place in places]
    last = json.loads(page.locator(".here").get_attribute("data-z"))
    assert len(asked) <= 5 and asked[-1] == pytest.approx(last, abs=1e-3)
    assert page.locator(".head__alarm").is_hidden()


def stroke(page) -> None:
    box = page.locator(".draw canvas").first.bounding_box()
    page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 0.3 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.6 * box["width"], box["y"] + 0.7 * box["height"], steps=4)
    page.mouse.up()


def test_every_tab_that_got_no_answer_has_it_once_the_server_is_back(app, visit, forward):
    forwarder = forward(app.url)
    page = visit(forwarder.url, forgiving=True)
    for name, root in {
        "Manifold": ".manifold",
        "Compare": ".compare",
        "About": ".about",
        "Draw": ".draw",
    }.items():
        forwarder.answer = (502, {})
        tab(page, name, root)
        if name == "Draw":
            stroke(page)
        page.locator(".head__alarm:not([hidden])").get_by_text("The server does not answer").wait_for()
        assert page.locator(f"{root}[data-ready]").count() == 0
        forwarder.answer = None
        page.wait_for_selector(f"{root}[data-ready]")
        page.locator(".head__alarm").wait_for(state="hidden")


def test_a_model_that_the_server_says_has_changed_is_offered_and_not_mixed(app, visit):
    page = visit(app.url)
    said = "mnist-default-z2 was trained anew since this page was opened; load it again."
    revisions = []

    def answer(route):
        body = route.request.post_data_json
        if body["fn_name"] == "select":
            revisions.append(body["data"]["revs"])
            return route.fulfill(json={"error": said, "changed": ["mnist-default-z2"]})
        reply = route.fetch()
        if body["fn_name"] != "start":
            return route.fulfill(response=reply)
        content = reply.json()
        for model in content["models"]:
            model["rev"] = "0" * 8 if model["name"] == "mnist-default-z2" else model["rev"]
        return route.fulfill(json=content)

    page.route("**/component_server/", answer)
    page.locator(".nearest__one").nth(2).click()
    page.locator(".selected-image").get_by_text(said).wait_for()
    page.locator(".head__alarm").get_by_text("mnist-default-z2 was trained again").wait_for()
    assert page.get_by_role("button", name="Load it").is_visible()
    assert [list(known) for known in revisions] == [["mnist-default-z2"]] * len(revisions)
    assert all(re.fullmatch("[0-9a-f]{8}", rev) for known in revisions for rev in known.values())


def test_test_images_that_cannot_be_used_are_said_in_a_sentence_and_no_download_is_offered(
    serve, visit, tmp_path
):
    server = serve(data=tmp_path)
    fault = "The test images of MNIST lie on this computer but cannot be read; move them away and fetch them."
    page = visit("about:blank", ready=None, forgiving=True, service_workers="block")

    def answer(route):
        reply = route.fetch()
        if route.request.post_data_json["fn_name"] != "start":
            return route.fulfill(response=reply)
        content = reply.json()
        content["datasets"] = [{**d, "images": True, "fault": fault} for d in content["datasets"]]
        return route.fulfill(json=content)

    page.route("**/component_server/", answer)
    page.goto(server.url, wait_until="commit")
    page.locator(".selected-image .fetch").get_by_text(fault).wait_for()
    assert page.locator(".selected-image .fetch button").count() == 0
    tab(page, "Compare", ".compare[data-ready]")
    page.locator(".compare .fetch").get_by_text(fault).wait_for()
