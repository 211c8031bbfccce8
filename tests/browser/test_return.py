"""What the page does without its server, and when the server is back; and inside the frame of a Space."""

import json

from hands import chromium_path, map_box, model_drawn


def test_the_map_goes_on_without_the_server_and_picks_up_when_it_is_back(serve, visit):
    server = serve()
    page = visit(f"{server.url}?ground=none", ready=".here[data-by='browser']", forgiving=True)
    page.wait_for_selector(".sizes__one[data-size='20']")
    server.stop()
    page.locator("[data-size='20']").click()  # a model that only the server can hand over
    alarm = page.locator(".head__alarm:not([hidden])")
    alarm.get_by_text("The server does not answer. The map goes on in your browser").wait_for()
    box = map_box(page)
    before = page.locator(".here").get_attribute("data-z")
    page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 0.6 * box["height"])
    page.mouse.move(box["x"] + 0.32 * box["width"], box["y"] + 0.6 * box["height"])
    page.wait_for_function("before => document.querySelector('.here').dataset.z !== before", arg=before)
    assert len(json.loads(page.locator(".here").get_attribute("data-z"))) == 2
    serve(port=server.port)
    model_drawn(page, "mnist-default-z20")
    alarm.wait_for(state="hidden")
    page.wait_for_selector(".sizes__one[data-size='20'][aria-pressed='true']")


def test_in_a_spaces_frame_the_parents_query_opens_the_view_and_every_change_is_told_to_it(
    serve, visit, chromium
):
    host = "latent-explorer.hf.space"
    server = serve(environment={"SPACE_HOST": host})
    listens = (
        "window.told = []; addEventListener('message', ({ data, origin }) => told.push({ ...data, origin }));"
    )
    address = f"{server.url}?__theme=light&model=mnist-default-z5&ground=none"
    frame = f'<iframe allow="clipboard-write" style="width:1280px;height:760px;border:0" src="{address}"></iframe>'
    parent = f"<!doctype html><title>a Space</title><script>{listens}</script>{frame}"
    options = [
        "--no-sandbox",
        "--disable-features=LocalNetworkAccessChecks",
    ]  # a public page may not frame this computer otherwise
    browser = chromium.browser_type.launch(executable_path=chromium_path(), args=options)
    context = browser.new_context(viewport={"width": 1300, "height": 800})
    context.route(
        "https://huggingface.co/**", lambda route: route.fulfill(body=parent, content_type="text/html")
    )
    try:
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.goto("https://huggingface.co/spaces/someone/latent-explorer?model=mnist-default-z5&ground=none")
        frame = page.frame_locator("iframe")
        frame.locator(".latent-map[data-model='mnist-default-z5'][data-ready]").wait_for()
        frame.get_by_label("ground").select_option("density")
        page.wait_for_function(
            "told.some(({ queryString: q }) => q?.includes('ground=density') && q.includes('model=mnist-default-z5') && !q.includes('__theme'))"
        )
        frame.get_by_role("button", name="Copy a link to this view").click()
        copied = frame.locator("[data-copied]").get_attribute("data-copied")
        assert copied.startswith(f"https://{host}/?model=mnist-default-z5&rev=") and "__theme" not in copied
    finally:
        browser.close()
