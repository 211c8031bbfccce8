"""What the page says is copied is what the clipboard holds, and where nothing is copied it says how."""

import pytest
from hands import tab

PLAIN_HTTP = "Object.defineProperty(Navigator.prototype, 'clipboard', { get: () => undefined });"
NEITHER = PLAIN_HTTP + "document.execCommand = () => false;"


@pytest.fixture
def without_clipboard(chromium, app):
    """Opens the page in a browser that lacks what a script takes away."""
    contexts = []

    def open_page(script: str, search: str = ""):
        contexts.append(chromium.new_context(viewport={"width": 1280, "height": 800}))
        contexts[-1].add_init_script(script)
        page = contexts[-1].new_page()
        page.set_default_timeout(60_000)
        page.goto(f"{app.url}?ground=none{search}", wait_until="commit")
        page.wait_for_selector(".here[data-by='browser']")
        return page

    yield open_page
    for context in contexts:
        context.close()


def pasted(page) -> str:
    """What the keys paste into a field of its own."""
    page.evaluate(
        "document.body.insertAdjacentHTML('afterbegin', '<textarea id=pasted style=\"position:fixed;z-index:9\"></textarea>')"
    )
    page.locator("#pasted").focus()
    page.keyboard.press("Control+V")
    text = page.locator("#pasted").input_value()
    page.evaluate("document.getElementById('pasted').remove()")
    return text


def command_in(page):
    tab(page, "About", ".about[data-ready]")
    return page.locator(".about .command").first


def test_over_plain_http_what_is_said_to_be_copied_can_be_pasted(without_clipboard):
    page = without_clipboard(PLAIN_HTTP, "&at=0.5,-0.5")
    link = page.get_by_role("button", name="Copy a link to this view")
    link.click()
    page.locator(".hint").get_by_text("Copied").wait_for()
    assert "at=0.5,-0.5" in (copied := pasted(page)) and copied == link.get_attribute("data-copied")
    code = page.get_by_role("button", name="Copy this image as Python")
    code.click()
    page.locator(".hint").get_by_text("Copied").wait_for()
    assert pasted(page).splitlines()[2] == "from vae import load_model"
    command = command_in(page)
    command.click()
    page.wait_for_selector(".command[data-copied]")
    assert pasted(page) == command.text_content()


def test_where_nothing_can_be_copied_nothing_is_said_to_be_and_the_text_stands_ready(without_clipboard):
    page = without_clipboard(NEITHER)
    link = page.get_by_role("button", name="Copy a link to this view")
    link.click()
    box = page.get_by_role("dialog", name="Copy by hand")
    box.get_by_text("Ctrl+C").wait_for()
    assert page.evaluate("getSelection().toString() || document.activeElement.value").startswith("http")
    page.keyboard.press("Control+C")
    page.keyboard.press("Escape")
    box.wait_for(state="detached")
    assert "model=mnist-default-z2" in pasted(page)
    page.mouse.move(640, 600)
    link.hover()
    assert page.locator(".hint").text_content().startswith("Not copied")
    command = command_in(page)
    command.click()
    box.wait_for()
    assert box.locator("textarea").input_value() == command.text_content()
    box.get_by_role("button", name="Close").click()
    box.wait_for(state="detached")
    assert page.locator("[data-copied]").count() == 0
