"""Who may ask, how much and how often: the guard alone, the flags, and the whole program as a stranger meets it."""

from __future__ import annotations

import asyncio
import inspect
import io
import json

import httpx
import pytest
from starlette.exceptions import HTTPException
from support import python

from vae.ui.web import guard
from vae.ui.web.costs import BILL, charge
from vae.ui.web.guard import BYTE_COST, MB, REFUSAL_COST, Guard
from vae.ui.web.limits import BUSY, FULL, FULL_OF_ONE, Bucket, Shares
from vae.ui.web.refusals import PIECE, Answer

MEGABYTE = b"x" * MB
DECODE = "/gradio_api/call/decode"


async def echo(scope, receive, send) -> None:
    """An app that tells how many bytes it was sent."""
    size, more = 0, True
    while more:
        message = await receive()
        size, more = size + len(message.get("body", b"")), message.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": str(size).encode()})


def ask(
    guard: Guard,
    method: str = "POST",
    path: str | None = None,
    host: str = "localhost:7860",
    peer: str = "198.51.100.7",
    headers: dict | None = None,
    **more,
) -> httpx.Response:
    path = path or ("/" if method in ("GET", "HEAD") else DECODE)
    more["headers"] = {"content-type": "application/json"} | (headers or {})

    async def one() -> httpx.Response:
        transport = httpx.ASGITransport(guard, client=(peer, 5000))
        async with httpx.AsyncClient(transport=transport, base_url=f"http://{host}") as client:
            return await client.request(method, path, **more)

    return asyncio.run(one())


def guarded(host: str = "127.0.0.1", **options) -> Guard:
    ((kind, settings),) = guard.middleware(host, **options)
    return kind(echo, **settings)


@pytest.fixture(autouse=True)
def no_space(monkeypatch):
    for name in ("SPACE_HOST", "SPACE_ID", "GRADIO_SERVER_NAME", "GRADIO_SERVER_PORT", "VAE_DATA"):
        monkeypatch.delenv(name, raising=False)


# ---- hosts and origins ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host",
    ["localhost", "localhost:7860", "127.0.0.1:7860", "127.8.9.1", "[::1]:7860", "LOCALHOST:1", "localhost."],
)
def test_this_computers_own_names_are_answered(host):
    assert guarded().hosts.answers_to(host)
    assert guarded().hosts.trusts(f"http://{host}", "localhost:7860")


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "evil.example:7860",
        "192.168.1.5",
        "",
        "localhost@evil.example",
        "a b",
        "localhost:x",
        "0.0.0.0",
        "[::1].evil.example",
        "xn--lcalhost-65a",
        "evil.gradio.live",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS"])
def test_another_host_name_is_refused_whatever_is_asked(host, method):
    answer = ask(guarded(), method, headers={"host": host})
    assert answer.status_code == 403
    if method != "HEAD":
        assert "host name" in answer.json()["error"] and answer.json()["error"].endswith(".")


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "https://localhost.evil.example",
        "null",
        "http://localhost@evil.example",
        "file://",
        "",
        "http://192.168.1.5",
    ],
)
def test_a_foreign_page_may_look_but_not_ask(origin):
    assert ask(guarded(), "GET", headers={"origin": origin}).status_code == 200
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
        refused = ask(guarded(), method, DECODE, headers={"origin": origin})
        assert refused.status_code == 403 and "may not ask" in refused.json()["error"]


@pytest.mark.parametrize(
    "origin", ["null", "vscode-webview://abc", "file://", "chrome-extension://abcdef", "", "app://localhost"]
)
def test_a_page_that_no_flag_can_let_in_is_told_to_open_a_tab(origin, capsys):
    refused = ask(guarded(allow=["abc", "abcdef"]), headers={"origin": origin})
    said = f"A page from {origin!r} may not ask this server; open the page in a tab of its own."
    assert refused.status_code == 403 and refused.json() == {"error": said}
    assert capsys.readouterr().err == ""


def test_a_host_that_is_no_name_is_given_no_flag():
    refused = ask(guarded(), headers={"host": "a b"}).json()["error"]
    assert refused.endswith("open it by its own.")


def test_a_page_of_this_computer_and_a_program_without_origin_may_ask():
    for headers in ({}, {"origin": "http://localhost:7860"}, {"origin": "http://127.0.0.1:3000"}):
        assert ask(guarded(), headers=headers).status_code == 200


def test_a_named_host_is_allowed_beside_the_own_names():
    guard = guarded(allow=["demo.example.org"])
    assert (
        ask(guard, host="demo.example.org", headers={"origin": "https://demo.example.org"}).status_code == 200
    )
    assert ask(guard, host="localhost").status_code == 200
    assert ask(guard, host="other.example.org").status_code == 403


def test_a_shared_link_is_answered_but_other_shared_pages_may_not_ask():
    guard = guarded(share=True)
    mine, other = "0123abcd.gradio.live", "feed4321.gradio.live"
    assert ask(guard, host=mine, headers={"origin": f"https://{mine}"}).status_code == 200
    assert ask(guard, host=mine, headers={"origin": f"https://{other}"}).status_code == 403


def test_a_space_answers_to_its_own_host_inside_the_iframe(monkeypatch):
    monkeypatch.setenv("SPACE_HOST", "someone-latent.hf.space,latent.example.org")
    guard = guarded("0.0.0.0")
    for host in ("someone-latent.hf.space", "latent.example.org"):
        answer = ask(guard, host=host, headers={"origin": f"https://{host}"})
        assert (
            answer.status_code == 200 and "frame-ancestors" not in answer.headers["content-security-policy"]
        )
    assert ask(guard, host="someone-else.hf.space").status_code == 403
    assert ask(guard, host="10.1.2.3:7860").status_code == 200, "health probes ask by address"


def test_headers_keep_other_pages_from_framing_a_local_server_and_browsers_from_guessing():
    answer = ask(guarded(), "GET")
    assert "frame-ancestors 'self'" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff" and "content-type" in answer.headers


def test_behind_a_port_forwarder_the_refusal_and_the_terminal_name_the_flag_that_helps(capsys):
    """The host is local there, the page's origin public; an answer to `--allow-host` is tried at once."""
    origin = {"origin": "https://abc-7860.forward.example"}
    flag = "--allow-host abc-7860.forward.example"
    server = guarded()
    for _ in range(3):
        refused = ask(server, headers=origin)
        assert refused.status_code == 403 and refused.headers["content-type"] == "application/json"
        assert flag in refused.json()["error"]
    assert ask(server, headers={"host": "abc-7860.forward.example"}).status_code == 403
    out, err = capsys.readouterr()
    assert out == "" and err.count(flag) == 1 and len(err.splitlines()) == 1
    assert ask(guarded(allow=["abc-7860.forward.example"]), headers=origin).status_code == 200
    assert ask(server, headers={"host": "forward.example"}).json()["error"].endswith("forward.example.")
    assert "--allow-host forward.example" in capsys.readouterr().err


def test_strangers_cannot_fill_the_terminal(capsys):
    server = guarded()
    for i in range(3 * guard.NAMES_TOLD):
        assert ask(server, headers={"origin": f"https://n{i}.example"}).status_code == 403
    for bad in ("null", "https://\x1b[2J.example", "https://a b", ""):
        assert ask(server, headers={"origin": bad.encode()}).status_code == 403
    err = capsys.readouterr().err
    assert len(err.splitlines()) == guard.NAMES_TOLD and "\x1b" not in err


def test_a_websocket_of_a_foreign_page_is_closed():
    sent = []

    async def send(message):
        sent.append(message)

    scope = {
        "type": "websocket",
        "path": "/",
        "headers": [(b"host", b"localhost"), (b"origin", b"http://evil.example")],
    }
    asyncio.run(guarded()(scope, None, send))
    assert sent == [{"type": "websocket.close", "code": 1008}]


# ---- sizes ---------------------------------------------------------------------------------------------------------


def test_a_body_up_to_the_cap_passes_whole_and_a_larger_one_does_not():
    guard = Guard(echo, max_body=2 * MB)
    assert ask(guard, content=MEGABYTE * 2).text == str(2 * MB)
    refused = ask(guard, content=MEGABYTE * 2 + b"x")
    assert refused.status_code == 413 and "2 MB" in refused.json()["error"]


def test_a_streamed_body_without_a_length_is_counted():
    async def stream(chunks):
        for _ in range(chunks):
            yield MEGABYTE

    guard = Guard(echo, max_body=2 * MB)
    assert ask(guard, content=stream(2)).text == str(2 * MB)
    assert ask(guard, content=stream(3)).status_code == 413


@pytest.mark.parametrize("length", ["99999999999999999999", "-1", "1e3", "x"])
def test_a_senseless_length_is_refused(length):
    assert ask(Guard(echo), headers={"content-length": length}, content=b"x").status_code == 413


def test_the_caps_let_a_large_image_of_rounded_floats_pass():
    grey = json.dumps({"data": ["m", [[0.1234] * 1024] * 1024]})
    assert len(grey) < guard.PUBLIC_MAX_BODY
    assert 3 * len(grey) < guard.MAX_BODY
    assert (
        guarded().max_body == guard.MAX_BODY
        and guarded(public=True).max_body == guarded(share=True).max_body == guard.PUBLIC_MAX_BODY
    )


def test_a_door_that_needs_no_picture_takes_one_megabyte():
    for path in ("/gradio_api/component_server", "/gradio_api/call/sample", "/gradio_api/cancel"):
        assert ask(guarded(), path=path, content=MEGABYTE).text == str(MB)
        refused = ask(guarded(), path=path, content=MEGABYTE + b"x")
        assert refused.status_code == 413 and "1 MB" in refused.json()["error"]
    for path in (DECODE, "/gradio_api/run/encode", "/gradio_api/queue/join"):
        assert ask(guarded(public=True), path=path, content=2 * MEGABYTE).text == str(2 * MB)


@pytest.mark.parametrize(
    "kind", ["", "text/plain", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded", "json"]
)
def test_only_json_is_asked(kind):
    refused = ask(guarded(), headers={"content-type": kind}, content=b"{}")
    assert refused.status_code == 415 and "application/json" in refused.json()["error"]
    assert ask(guarded(), headers={"content-type": "Application/JSON; charset=utf-8"}).status_code == 200


def test_nothing_is_reachable_but_what_the_page_uses():
    for path in (
        "/gradio_api/upload",
        "/gradio_api/process_recording",
        "/gradio_api/file=http://203.0.113.9/x",
        "/gradio_api/file=/etc/passwd",
        "/gradio_api/file/a",
        "/gradio_api/proxy=http://203.0.113.9/",
        "/gradio_api/api/decode",
        "/gradio_api/stream/a",
        "/gradio_api/upload_progress",
        "/gradio_api/deep_link",
        "/docs",
        "/monitoring",
        "/login",
        "/gradio_api/call/../file=/etc/passwd",
        "/%67radio_api/upload",
    ):
        for method in ("GET", "POST", "PUT", "OPTIONS"):
            refused = ask(guarded(), method, path)
            assert refused.status_code == 404 and refused.json()["error"].startswith("There is nothing at")
    assert ask(guarded(), "GET", DECODE).status_code == 405
    assert ask(guarded(), "DELETE", "/").status_code == 405


# ---- answers -------------------------------------------------------------------------------------------------------


def test_an_error_that_nobody_caught_is_a_sentence_and_one_line_of_the_log(caplog):
    async def broken(scope, receive, send):
        raise RuntimeError("line one\nline two")

    answer = ask(Guard(broken))
    assert answer.status_code == 500 and answer.json()["error"].endswith(".")
    assert "line one" not in answer.text
    (record,) = caplog.records
    assert "line one line two" in record.getMessage() and record.exc_info is None


def test_an_error_after_the_first_bytes_ends_the_answer(caplog):
    async def broken(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"so far", "more_body": True})
        raise RuntimeError("x")

    assert ask(Guard(broken)).text == "so far" and len(caplog.records) == 1


def test_a_stream_that_told_its_end_itself_writes_no_line(caplog):
    async def gone(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"event: error", "more_body": True})
        raise RuntimeError("Caught handled exception") from HTTPException(404)

    assert ask(Guard(gone)).text == "event: error" and caplog.records == []


def test_a_large_answer_leaves_in_pieces_and_arrives_whole():
    whole, sent = bytes(range(256)) * 5000, []

    async def large(scope, receive, send):
        async def seen(message):
            sent.append(len(message.get("body", b"")))
            await send(message)

        await send({"type": "http.response.start", "status": 200, "headers": []})
        await Answer(seen, []).send({"type": "http.response.body", "body": whole})

    assert ask(Guard(large)).content == whole
    assert max(sent) == PIECE and len(sent) == -(-len(whole) // PIECE)


# ---- shares --------------------------------------------------------------------------------------------------------


def costly(seconds: float):
    """An app whose every answer costs so many seconds of the server."""

    async def app(scope, receive, send):
        charge(seconds)
        await echo(scope, receive, send)

    return app


def shares(clock) -> Shares:
    small = {"rate": 1.0, "clock": clock}
    return Shares(Bucket(burst=2, **small), Bucket(burst=5, **small), Bucket(burst=50, **small))


def as_page(session: str) -> dict:
    return {"content": b'{"data": [], "session_hash": "%s"}' % session.encode()}


def test_who_has_used_their_share_waits_only_while_the_server_is_busy():
    now = [0.0]
    guard = Guard(costly(1.5), shares=shares(lambda: now[0]))
    assert [ask(guard, **as_page("a")).status_code for _ in range(4)] == [200] * 4
    guard.held.asked["203.0.113.1"] = BUSY
    refused = ask(guard, **as_page("a"))
    assert refused.status_code == 429 and refused.json()["error"].startswith("Many people ask at once")
    later = int(refused.headers["retry-after"])
    assert later >= 1 and str(later) in refused.json()["error"]
    now[0] += later
    assert ask(guard, **as_page("a")).status_code == 200


def test_while_one_page_waits_its_neighbour_behind_the_same_address_is_answered():
    guard = Guard(costly(3), shares=shares(lambda: 0.0))
    assert ask(guard, **as_page("greedy")).status_code == 200
    guard.held.asked["203.0.113.1"] = BUSY
    assert ask(guard, **as_page("greedy")).status_code == 429
    assert ask(guard, **as_page("modest")).status_code == 200
    assert ask(guard, **as_page("third")).status_code == 429, "the address has a share, too"
    assert ask(guard, peer="198.51.100.8", **as_page("third")).status_code == 200


def test_a_server_that_is_full_says_when_to_come_again():
    guard = Guard(echo)
    guard.held.asked["203.0.113.1"] = FULL
    refused = ask(guard)
    assert refused.status_code == 503 and int(refused.headers["retry-after"]) >= 1
    assert ask(guard, "GET").status_code == 200, "what is looked at takes no turn"


def test_one_address_has_no_more_than_half_of_the_questions_in_the_air():
    guard = Guard(echo)
    guard.held.asked["198.51.100.7"] = FULL_OF_ONE
    refused = ask(guard)
    assert refused.status_code == 429 and int(refused.headers["retry-after"]) >= 1
    assert ask(guard, peer="198.51.100.8").status_code == 200
    assert guard.held.asked["198.51.100.7"] == FULL_OF_ONE and not guard.held.asked["198.51.100.8"]


def test_a_hundred_posts_of_one_address_at_once_are_all_let_in():
    guard = guarded(public=True)

    async def all_at_once() -> set[int]:
        transport = httpx.ASGITransport(guard, client=("198.51.100.7", 5000))
        headers = {"content-type": "application/json"}
        async with httpx.AsyncClient(
            transport=transport, base_url="http://localhost", headers=headers
        ) as client:
            asked = (client.post(DECODE, content=b"x" * 1000) for _ in range(100))
            return {answer.status_code for answer in await asyncio.gather(*asked)}

    assert asyncio.run(all_at_once()) == {200}


def test_a_refusal_and_the_bytes_of_an_answer_have_their_price():
    async def large(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": MEGABYTE})

    guard = Guard(large, shares=shares(float))
    ask(guard)
    after = guard.shares.addresses.level("198.51.100.7")
    assert 5 - after > MB * BYTE_COST
    assert ask(guard, "GET", "/nothing").status_code == 404
    assert after - guard.shares.addresses.level("198.51.100.7") == pytest.approx(REFUSAL_COST)
    ask(guard, "GET", "/lx/large.bin")
    assert after - guard.shares.addresses.level("198.51.100.7") == pytest.approx(REFUSAL_COST)


def test_files_cost_nothing_however_often_they_are_looked_at():
    guard = Guard(echo, shares=shares(float))
    for _ in range(300):
        assert ask(guard, "GET", "/lx/abc/js/page/boot.js").status_code == 200
    assert guard.shares.addresses.level("198.51.100.7") == 5


def test_what_is_charged_in_a_thread_or_later_is_charged_to_who_asked():
    kept = []

    async def app(scope, receive, send):
        kept.append(scope[BILL])
        await asyncio.to_thread(charge, 1.0)
        await echo(scope, receive, send)

    guard = Guard(app, shares=shares(float))
    ask(guard, **as_page("a"))
    assert guard.shares.visitors.level("198.51.100.7 a") == pytest.approx(1.0, abs=0.01)
    kept[0](0.5)
    assert guard.shares.visitors.level("198.51.100.7 a") == pytest.approx(0.5, abs=0.01)


def test_only_public_hosts_count_what_is_used(monkeypatch):
    assert guarded().shares is None and guarded("0.0.0.0").shares is None
    assert guarded(public=True).shares is not None and guarded(share=True).shares is not None
    monkeypatch.setenv("SPACE_HOST", "someone-latent.hf.space")
    assert guarded("0.0.0.0").shares is not None


def test_forwarded_addresses_count_from_a_declared_proxy_alone(monkeypatch):
    def addresses(guard: Guard, peer: str) -> set[str]:
        guard.shares = Shares()
        for i in range(3):
            ask(guard, host="localhost", peer=peer, headers={"x-forwarded-for": f"8.8.8.{i}"})
        return set(guard.shares.addresses.table)

    forwarded = {f"8.8.8.{i}" for i in range(3)}
    declared = guarded(public=True, behind_proxy=["10.1.0.0/16"])
    assert addresses(declared, "10.1.2.3") == forwarded
    assert addresses(declared, "10.9.2.3") == {"10.9.2.3"}
    assert addresses(guarded(public=True), "127.0.0.1") == {"127.0.0.1"}
    assert addresses(guarded(share=True), "127.0.0.1") == forwarded, "Gradio's relay ends here"
    monkeypatch.setenv("SPACE_HOST", "someone-latent.hf.space")
    assert addresses(guarded("0.0.0.0"), "10.5.6.7") == forwarded
    assert addresses(guarded("0.0.0.0"), "203.0.113.5") == {"203.0.113.5"}


# ---- what a public page may write ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("public", "share", "space", "open_to_all"),
    [
        (False, False, "", False),
        (True, False, "", True),
        (False, True, "", True),
        (False, False, "a-b.hf.space", True),
    ],
)
def test_strangers_come_by_a_flag_or_to_a_space(monkeypatch, public, share, space, open_to_all):
    monkeypatch.setenv("SPACE_HOST", space)
    assert guard.strangers(public, share) is open_to_all


# ---- settings ------------------------------------------------------------------------------------------------------


def test_every_setting_is_one_that_this_gradio_knows():
    import gradio as gr

    known = inspect.signature(gr.Blocks.launch).parameters
    assert set(guard.launch_limits()) <= set(known)
    assert {"app_kwargs", "server_name", "server_port", "share"} <= set(known)
    code = (
        "import vae.ui.launch; from gradio.queueing import Queue; q = vars(Queue(False, 1, 1, 1, None));"
        "print(*[v for k, v in sorted(q.items()) if k.endswith(('_MAX_EVENTS', '_CACHE_FREQUENCY'))])"
    )
    assert sorted(python(code).split()) == ["1000000", "200"]


def test_the_environment_is_set_before_gradio_is_imported():
    code = "import sys; import vae.ui.launch, os; print('gradio' in sys.modules, os.environ['GRADIO_ANALYTICS_ENABLED'])"
    assert python(code).split() == ["False", "False"]


def test_a_small_file_that_unfolds_into_a_huge_image_is_not_opened():
    from PIL import Image

    limit = Image.MAX_IMAGE_PIXELS
    try:
        guard.launch_limits()
        bomb = io.BytesIO()
        Image.new("1", (3000, 3000)).save(bomb, "PNG")
        assert len(bomb.getvalue()) < 20_000
        with pytest.raises(Image.DecompressionBombError):
            Image.open(bomb)
    finally:
        Image.MAX_IMAGE_PIXELS = limit
