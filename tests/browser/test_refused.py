"""What the page says when the server refuses it: behind a forwarder that names another origin, asked in haste, or with too much at once."""

import pytest
from hands import model_drawn

STRANGE = "https://demo.example.org"


def test_behind_a_forwarder_that_rewrites_the_host_and_tells_nobody_every_request_goes_to_the_forwarder(
    app, visit, forward
):
    forwarder = forward(app.url, None, False)
    page = visit(forwarder.url)
    model_drawn(page, "mnist-default-z2")
    asked = page.evaluate("performance.getEntriesByType('resource').map((one) => one.name)")
    assert any("component_server" in path for path in forwarder.posts)
    assert len(asked) > 10 and {url for url in asked if not url.startswith(forwarder.url)} == set()


def alarm(page):
    return page.locator(".head__alarm:not([hidden])")


def test_a_strange_origin_is_named_with_the_flag_that_lets_it_in_and_the_page_starts_once_it_may(
    app, visit, forward
):
    forwarder = forward(app.url, STRANGE)
    page = visit(forwarder.url, ready=".head__alarm:not([hidden])", forgiving=True)
    alarm(page).get_by_text("--allow-host demo.example.org").wait_for()
    assert STRANGE in alarm(page).text_content() and "does not answer" not in page.inner_text("body")
    forwarder.origin = None
    model_drawn(page, "mnist-default-z2")
    page.locator(".head__alarm").wait_for(state="hidden")


def test_a_page_that_is_refused_asks_ever_more_seldom(app, visit, forward):
    forwarder = forward(app.url, STRANGE)
    page = visit(forwarder.url, ready=".head__alarm:not([hidden])", forgiving=True)
    page.clock.install()
    alarm(page).get_by_text("--allow-host").wait_for()
    page.wait_for_function("document.readyState === 'complete'")
    before = len(forwarder.posts)
    page.clock.run_for(120_000)
    assert len(forwarder.posts) - before <= 16


def test_a_server_that_refuses_while_the_page_is_open_is_quoted_and_the_map_goes_on(app, visit, forward):
    forwarder = forward(app.url)
    page = visit(f"{forwarder.url}?ground=none", forgiving=True)
    forwarder.origin = STRANGE
    page.locator("[data-size='20']").click()  # a model that only the server can hand over
    alarm(page).get_by_text("--allow-host demo.example.org").wait_for()
    assert page.locator(".latent-map[data-ready]").count() == 1
    forwarder.origin = None
    model_drawn(page, "mnist-default-z20")
    page.locator(".head__alarm").wait_for(state="hidden")


def waiting(page):
    """The calm line at the page's top."""
    return page.locator("#lx-waiting")


def test_a_refusal_without_a_sentence_is_told_by_its_status(app, visit, forward):
    forwarder = forward(app.url)
    forwarder.answer = (403, {})
    page = visit(forwarder.url, ready=".head__alarm:not([hidden])", forgiving=True)
    alarm(page).get_by_text("refuses this request (403)").wait_for()
    forwarder.answer = None
    model_drawn(page, "mnist-default-z2")


@pytest.mark.parametrize("headers", [{"Retry-After": "1"}, {}])
@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_server_is_waited_for_calmly_and_every_question_has_its_answer(
    app, visit, forward, status, headers
):
    forwarder = forward(app.url)
    forwarder.answer = (status, headers)
    page = visit(forwarder.url, ready=None, forgiving=True)
    waiting(page).get_by_text("Many people ask at once").wait_for()
    assert page.locator(".head__alarm").is_hidden()
    forwarder.answer = None
    model_drawn(page, "mnist-default-z2")
    page.wait_for_selector(".sizes__one canvas")
    waiting(page).wait_for(state="hidden")


def test_a_question_that_is_too_large_is_told_so_and_others_are_asked_on(app, visit):
    page = visit(app.url, forgiving=True)
    said = page.evaluate(
        """async () => {
          const folder = document.querySelector("link[rel=modulepreload][href$='space/net.js']").href.replace("space/net.js", "");
          const { ask } = await import(`${folder}explorer/server.js`);
          const fault = await ask("decode", { model: "mnist-default-z2", z: "9".repeat(2 * 2 ** 20) }).catch((fault) => fault);
          return [fault.message, (await ask("revision", {})).revision !== undefined];
        }"""
    )
    assert "larger than 1 MB" in said[0] and said[1:] == [True]
    assert page.locator(".head__alarm").is_hidden()
