"""The endpoints and the page's doors: right answers judged by other libraries, and a sentence for every wrong field."""

from __future__ import annotations

import asyncio
import base64
import gc
import json
import logging
import os
import tracemalloc
from pathlib import Path

import gradio as gr
import httpx
import numpy as np
import pytest
import torch
from gradio_client import Client
from gradio_client.exceptions import AppError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file
from support import Server

from vae import Explorer, load_model
from vae.ui import fields
from vae.ui.api import Endpoints, image_lists
from vae.ui.doors import Doors
from vae.ui.web.assets import tokens

Z2, Z5, AE, COND = (
    "digits-tutorial-z2",
    "digits-tutorial-z5",
    "digits-tutorial-ae-z2",
    "digits-tutorial-cond-sigma-z2",
)
DOORS = tuple(name for name, method in vars(Doors).items() if hasattr(method, "door"))
SIDE = tokens()["draw"]["side"]


@pytest.fixture(scope="module")
def explorer(trained: Path) -> Explorer:
    return Explorer(trained)


@pytest.fixture(scope="module")
def endpoints(explorer: Explorer) -> Endpoints:
    return Endpoints(explorer)


@pytest.fixture(scope="module")
def demo(explorer: Explorer) -> gr.Blocks:
    """The wired page, not served."""
    from vae.ui.api import add_endpoints
    from vae.ui.page import build_page

    async def build() -> gr.Blocks:  # inside a loop, or Gradio makes loops that it never closes
        page, _ = build_page(explorer)
        add_endpoints(page, explorer)
        return page

    return asyncio.run(build())


@pytest.fixture(scope="module")
def served(serve_long, trained: Path) -> Server:
    return serve_long(trained)


def run(server: Server, name: str, *data, **body) -> httpx.Response:
    """An endpoint's answer at once, without the queue."""
    return httpx.post(f"{server.address}/gradio_api/run/{name}", json={"data": data, **body}, timeout=60)


def memory(server: Server) -> int:
    """Bytes the process holds."""
    return int(Path(f"/proc/{server.process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.fixture(scope="module")
def client(served):
    client = Client(served.address, verbose=False, httpx_kwargs={"timeout": 120})
    yield client
    client.close()


def codes_of(trained: Path, model: str) -> dict[str, np.ndarray]:
    return {
        k: v.astype(np.float32) if v.dtype == np.float16 else v
        for k, v in load_file(trained / model / "codes.safetensors").items()
    }


def decoded(trained: Path, model: str, z, label: int | None = None) -> np.ndarray:
    """(N, H, W) straight from torch."""
    labels = None if label is None else torch.full((len(z),), label)
    with torch.no_grad():
        return (
            load_model(trained / model).decode(torch.tensor(np.asarray(z, np.float32)), labels)[:, 0].numpy()
        )


def same(images, expected) -> None:
    assert np.shape(images) == expected.shape
    np.testing.assert_allclose(images, expected, atol=6e-5)  # rounded to four digits
    assert all(round(value, 4) == value for value in np.ravel(images).tolist())


# ---- right answers, through gradio_client --------------------------------------------------------------------------


def test_models_lists_every_folder_with_exactly_the_promised_keys(client, trained):
    found = client.predict(api_name="/models")
    assert {m["name"] for m in found} == {p.name for p in trained.iterdir()}
    keys = {"name", "dataset", "recipe", "latent_dim", "image_shape", "conditional", "variational", "metrics"}
    assert all(set(m) == keys and m["dataset"] == "digits" and m["image_shape"] == [1, 8, 8] for m in found)
    metrics = json.loads((trained / Z5 / "metrics.json").read_text())
    assert next(m for m in found if m["name"] == Z5)["metrics"] == {k: v["value"] for k, v in metrics.items()}


def test_metrics_is_the_file(client, trained):
    assert client.predict(Z2, api_name="/metrics") == json.loads((trained / Z2 / "metrics.json").read_text())


@pytest.mark.parametrize(
    ("model", "size", "label"), [(Z2, 2, None), (Z5, 5, None), (AE, 2, None), (COND, 2, 7)]
)
def test_decode_is_what_torch_decodes(client, trained, model, size, label):
    z = np.random.default_rng(0).normal(size=(7, size)).round(3)
    found = client.predict(model, z.tolist(), label, api_name="/decode")
    assert set(found) == {"images"}
    same(found["images"], decoded(trained, model, z, label))


def test_decode_takes_1024_latents_at_once(client, trained):
    z = np.random.default_rng(1).normal(size=(1024, 2)).round(2)
    same(client.predict(Z2, z.tolist(), api_name="/decode")["images"], decoded(trained, Z2, z))


def test_encode_of_a_data_set_image_is_what_torch_encodes_and_scikit_learn_finds_near(
    client, trained, digits
):
    from sklearn.neighbors import KNeighborsClassifier

    image = digits[1].images[12, 0] / np.float32(255)
    found = client.predict(Z5, image.tolist(), True, api_name="/encode")
    assert set(found) == {"mu", "logvar", "x", "x_recon", "nearest", "label_votes"}
    with torch.no_grad():
        mu, logvar = load_model(trained / Z5).encode(torch.tensor(image)[None, None])
    np.testing.assert_allclose(found["mu"], mu[0], atol=1e-5)
    np.testing.assert_allclose(found["logvar"], logvar[0], atol=1e-5)
    same(found["x"], image)
    same(found["x_recon"], decoded(trained, Z5, mu)[0])
    codes = codes_of(trained, Z5)
    judge = KNeighborsClassifier(15, algorithm="brute").fit(codes["mu"], codes["labels"])
    distances, rows = judge.kneighbors(mu)
    assert [n["index"] for n in found["nearest"]] == rows[0, :5].tolist()
    assert [n["label"] for n in found["nearest"]] == codes["labels"][rows[0, :5]].tolist()
    np.testing.assert_allclose([n["distance"] for n in found["nearest"]], distances[0, :5], atol=1e-4)
    shares = {str(c): p for c, p in zip(judge.classes_, judge.predict_proba(mu)[0]) if p > 0}
    assert found["label_votes"] == pytest.approx(shares, abs=1e-4)


def test_dark_ink_on_light_paper_is_the_same_drawing(client):
    drawing = np.zeros((60, 90))
    drawing[10:50, 40:46], drawing[10:16, 40:70] = 1, 0.8
    bright, dark = (
        client.predict(Z2, image.tolist(), api_name="/encode") for image in (drawing, 1 - drawing)
    )
    np.testing.assert_allclose(bright["x"], dark["x"], atol=2e-4)
    np.testing.assert_allclose(bright["mu"], dark["mu"], atol=1e-3)
    assert np.max(bright["x"]) > 0.5 > bright["x"][7][0]


def test_every_shape_that_the_library_takes_is_taken_and_seen_the_same(client, explorer):
    drawing = np.zeros((60, 90))
    drawing[10:50, 40:46], drawing[10:16, 40:70] = 1, 0.8
    grey, paper = drawing[..., None], 1 - drawing[..., None]
    shapes = [drawing, grey, np.repeat(grey, 3, 2), np.concatenate([np.zeros((60, 90, 3)), grey], 2), paper]
    for image in shapes:
        found = client.predict(Z2, image.tolist(), api_name="/encode")
        np.testing.assert_allclose(
            found["x"], client.predict(Z2, drawing.tolist(), api_name="/encode")["x"], atol=2e-3
        )


def test_an_image_of_the_largest_size_passes(client):
    image = np.zeros((1024, 1024))
    image[200:800, 480:560] = 0.1234
    found = client.predict(Z2, image.round(4).tolist(), api_name="/encode")
    assert np.shape(found["x"]) == (8, 8) and np.max(found["x"]) > 0.5


def test_reconstruct_agrees_with_torch_on_every_model(client, trained, digits):
    from torch.distributions import Bernoulli, Normal, kl_divergence

    index = 41
    image, label = digits[1].images[index, 0] / np.float32(255), int(digits[1].labels[index])
    found = client.predict("digits", index, api_name="/reconstruct")
    assert set(found) == {"original", "label", "models"} and found["label"] == label
    same(found["original"], image)
    assert set(found["models"]) == {Z2, Z5, AE, COND}
    for name, one in found["models"].items():
        assert set(one) == {"x_recon", "mu", "recon", "kl"}
        codes = codes_of(trained, name)
        np.testing.assert_allclose(one["mu"], codes["mu"][index], atol=1e-6)
        x_recon = decoded(trained, name, codes["mu"][[index]], label if name == COND else None)[0]
        same(one["x_recon"], x_recon)
        if name in (Z2, Z5):
            recon = (
                -Bernoulli(probs=torch.tensor(x_recon), validate_args=False)
                .log_prob(torch.tensor(image))
                .sum()
            )
            assert one["recon"] == pytest.approx(float(recon), rel=1e-3)
            posterior = Normal(
                torch.tensor(codes["mu"][index]), torch.tensor(np.exp(codes["logvar"][index] / 2))
            )
            assert one["kl"] == pytest.approx(
                float(kl_divergence(posterior, Normal(0.0, 1.0)).sum()), abs=1e-4
            )
    assert found["models"][AE]["kl"] is None
    assert set(client.predict("digits", index, [Z2], api_name="/reconstruct")["models"]) == {Z2}


def test_codes_are_the_file(client, trained):
    found, file = client.predict(Z5, api_name="/codes"), codes_of(trained, Z5)
    assert set(found) == {"mu", "labels"}
    np.testing.assert_array_equal(np.array(found["mu"], np.float32), file["mu"])
    assert found["labels"] == file["labels"].tolist()


@pytest.mark.parametrize("spacing", ["even", "equal-mass"])
def test_the_manifold_of_a_plane_latent_has_its_top_row_first(client, trained, spacing):
    from scipy.stats import norm

    found = client.predict(Z2, 5, 1.5, spacing, api_name="/manifold")
    assert set(found) == {"images", "z"}
    axis = np.linspace(-1.5, 1.5, 5) if spacing == "even" else norm.ppf((np.arange(5) + 0.5) / 5)
    expected = np.array([[(u, v) for u in axis] for v in axis[::-1]])
    np.testing.assert_allclose(found["z"], expected, atol=1e-6)
    same(found["images"], decoded(trained, Z2, expected.reshape(-1, 2)).reshape(5, 5, 8, 8))


def test_the_manifold_of_a_larger_latent_lies_on_scikit_learns_pca_plane_in_its_units(client, trained):
    from sklearn.decomposition import PCA

    mu = codes_of(trained, Z5)["mu"].astype(np.float64)
    found = np.array(client.predict(Z5, 4, 2.0, api_name="/manifold")["z"])
    judge = PCA(2).fit(mu)
    signs = np.sign([p[np.abs(p).argmax()] for p in judge.components_])
    places = judge.transform(found.reshape(-1, 5))
    np.testing.assert_allclose(judge.inverse_transform(places), found.reshape(-1, 5), atol=1e-5)
    scale, axis = judge.transform(mu).std(0), np.linspace(-2, 2, 4)
    expected = np.array([[(u, v) for u in axis] for v in axis[::-1]]) * scale * signs
    np.testing.assert_allclose(places.reshape(4, 4, 2), expected, atol=1e-4)


def test_an_axes_chart_keeps_the_other_dimensions_at_the_mean_of_the_codes(client, trained):
    found = np.array(client.predict(Z5, 3, 1.0, "even", "axes:4,1", api_name="/manifold")["z"])
    mean = codes_of(trained, Z5)["mu"].mean(0)
    np.testing.assert_allclose(found[0, :, 4], [-1, 0, 1], atol=1e-6)
    np.testing.assert_allclose(found[:, 0, 1], [1, 0, -1], atol=1e-6)
    np.testing.assert_allclose(found[..., [0, 2, 3]], np.broadcast_to(mean[[0, 2, 3]], (3, 3, 3)), atol=1e-5)


def test_samples_are_standard_normal_scaled_and_repeatable(client, trained):
    from scipy.stats import kstest, norm

    found = client.predict(Z5, 1000, api_name="/sample")
    assert set(found) == {"z", "images"}
    z = np.array(found["z"])
    assert kstest(z.ravel(), norm.cdf).pvalue > 0.01
    same(found["images"], decoded(trained, Z5, z))
    again, other, cold = (
        client.predict(Z5, 5, t, None, seed, api_name="/sample")["z"]
        for t, seed in ((1.0, 7), (1.0, 8), (0.5, 7))
    )
    assert again == client.predict(Z5, 5, 1.0, None, 7, api_name="/sample")["z"] != other
    np.testing.assert_allclose(cold, np.array(again) / 2, rtol=1e-6)


def test_a_straight_path_is_linspace_and_its_support_counts_scikit_learns_distances(client, trained):
    from sklearn.neighbors import NearestNeighbors

    start, end = [-2.0, 0.5, 0.0, 1.0, 3.0], [2.0, 0.0, 0.25, -1.0, 0.0]
    found = client.predict(Z5, start, end, 9, api_name="/interpolate")
    assert set(found) == {"z", "images", "support"}
    np.testing.assert_allclose(found["z"], np.linspace(start, end, 9), atol=1e-6)
    same(found["images"], decoded(trained, Z5, found["z"]))
    mu = codes_of(trained, Z5)["mu"].astype(np.float64)
    near = NearestNeighbors(n_neighbors=2).fit(mu)
    gaps, distance = near.kneighbors(mu)[0][:, 1], near.kneighbors(np.array(found["z"]), 1)[0][:, 0]
    np.testing.assert_allclose(found["support"], [(gaps > d).mean() for d in distance], atol=1e-9)


def test_a_spherical_path_is_scipys(client):
    from scipy.spatial import geometric_slerp

    start, end = np.array([2.0, 0.0]), np.array([1.2, 1.6])
    found = client.predict(Z2, start.tolist(), end.tolist(), 6, "slerp", api_name="/interpolate")
    np.testing.assert_allclose(
        found["z"], 2 * geometric_slerp(start / 2, end / 2, np.linspace(0, 1, 6)), atol=1e-6
    )


def test_a_traversal_moves_one_dimension_and_no_other(client, trained):
    z = [0.5, -1.0, 0.25, 2.0, 0.0]
    found = client.predict(Z5, z, 3, -3.0, 3.0, 7, api_name="/traverse")
    assert set(found) == {"z", "images"}
    expected = np.tile(z, (7, 1))
    expected[:, 3] = np.linspace(-3, 3, 7)
    np.testing.assert_allclose(found["z"], expected, atol=1e-6)
    same(found["images"], decoded(trained, Z5, expected))


def test_colour_images_go_out_with_their_channels_last():
    images = np.random.default_rng(0).random((2, 3, 4, 5))
    np.testing.assert_array_equal(image_lists(images), images.transpose(0, 2, 3, 1).round(4))


# ---- right answers, as curl asks -----------------------------------------------------------------------------------


def call(address: str, name: str, data: list) -> str:
    """The event stream of an endpoint, as two curl lines get it."""
    event = httpx.post(f"{address}/gradio_api/call/{name}", json={"data": data}).json()["event_id"]
    return httpx.get(f"{address}/gradio_api/call/{name}/{event}").text


def test_curl_gets_the_same_answer_by_either_way(served, trained):
    z = [[0.5, -0.5]]
    stream = call(served.address, "decode", [Z2, z, None])
    assert stream.startswith("event: complete\ndata: ")
    direct = run(served, "decode", Z2, z)
    assert direct.status_code == 200
    assert json.loads(stream.split("data: ", 1)[1]) == direct.json()["data"]
    same(direct.json()["data"][0]["images"], decoded(trained, Z2, z))


def test_a_list_that_ends_early_is_answered_with_the_name_of_the_missing_field(served):
    assert "z is missing; it must be a list of 1 to 1,024 lists of 2 numbers" in call(
        served.address, "decode", [Z2]
    )
    assert run(served, "metrics", Z2, 1).json()["error"] == "/metrics was sent 2 fields; it takes 1: model."


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[1]",
        b'{"data": 3}',
        b'{"data": {"a": 1}}',
        b'{"data": ' + b"[" * 100_000,
        b'{"data": [' + b"[" * 900 + b"]" * 900 + b"]}",
        b'{"data": ["\\ud800", NaN]}',
        b'{"data": ["digits-tutorial-z2", [[' + b"9" * 5000 + b", 1]]]}",
        b'{"data": [{"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}]}',
        b'{"data": [{"path": "http://127.0.0.1:9/", "url": "http://127.0.0.1:9/", "meta": {"_type": "gradio.FileData"}}]}',
    ],
)
def test_a_body_that_is_no_question_is_refused_and_the_server_stays_up(served, body):
    answer = httpx.post(
        f"{served.address}/gradio_api/run/decode",
        content=body,
        headers={"content-type": "application/json"},
        timeout=60,
    )
    assert answer.status_code in (400, 422, 500)
    assert "Traceback" not in answer.text and answer.json().get("error", "") is not None
    assert run(served, "models").status_code == 200


def test_sessions_leave_neither_questions_nor_answers_in_memory(served):
    """Gradio would keep the last ones of each of 500 sessions; these 60 would be 120 MB."""
    square = [[round((x * y % 97) / 97, 4) for x in range(256)] for y in range(256)]
    for i in range(8):
        assert run(served, "encode", Z2, square, session_hash=f"warm {i}").status_code == 200
    before = memory(served)
    for i in range(60):
        assert run(served, "encode", Z2, square, session_hash=f"session {i}").status_code == 200
    grown = memory(served) - before
    assert grown < 40e6, f"60 sessions left {grown / 1e6:.0f} MB behind"


def test_answers_that_nobody_fetches_are_forgotten_and_those_that_are_fetched_arrive(served):
    with httpx.Client(base_url=f"{served.address}/gradio_api/call") as http:
        for _ in range(400):
            assert http.post("/models", json={"data": []}).status_code == 200
        event = http.post("/codes", json={"data": [Z2]}).json()["event_id"]
        assert http.get(f"/codes/{event}").text.startswith("event: complete")


# ---- wrong fields --------------------------------------------------------------------------------------------------

RAGGED, WIDE = [[0.0] * 8] * 7 + [[0.0] * 9], [[0.5] * 5000] * 5000
WRONG = [
    ("decode", {}, ["model is missing", Z2, Z5]),
    ("decode", {"model": "nope", "z": [[0, 0]]}, ["model is 'nope'", Z2]),
    ("decode", {"model": 5, "z": [[0, 0]]}, ["model is 5", Z2]),
    ("decode", {"model": "x" * 10**6, "z": [[0, 0]]}, ["model is 'xxx", "...", Z2]),
    ("decode", {"model": Z2}, ["z is missing", "1 to 1,024 lists of 2 numbers"]),
    ("decode", {"model": Z2, "z": [0, 1]}, ["z[0] is 0", "(N, 2)", "list of its own"]),
    ("decode", {"model": Z2, "z": []}, ["z is []", "(N, 2)"]),
    ("decode", {"model": Z2, "z": [[]]}, ["z[0] has 0 numbers", "(N, 2)"]),
    ("decode", {"model": Z2, "z": [[0, 1], [0, 1, 2]]}, ["z[1] has 3 numbers", "(N, 2)"]),
    ("decode", {"model": Z5, "z": [[0, 1]]}, ["z[0] has 2 numbers", "(N, 5)"]),
    (
        "decode",
        {"model": Z2, "z": [[0, float("nan")]]},
        ["z[0][1] is nan", "number from -1,000,000 to 1,000,000"],
    ),
    ("decode", {"model": Z2, "z": [[float("inf"), 0]]}, ["z[0][0] is inf", "number from"]),
    ("decode", {"model": Z2, "z": [[0, 0], [1e300, 0]]}, ["z[1][0] is 1e+300", "number from"]),
    ("decode", {"model": Z2, "z": [[10**400, 0]]}, ["z[0][0] is a whole number of 1329 bits", "number from"]),
    (
        "decode",
        {"model": Z2, "z": [[10**5000, 0]]},
        ["z[0][0] is a whole number of 16610 bits", "number from"],
    ),
    ("decode", {"model": Z2, "z": [["1", 0]]}, ["z[0][0] is '1'", "number from"]),
    ("decode", {"model": Z2, "z": [[True, 0]]}, ["z[0][0] is true", "number from"]),
    ("decode", {"model": Z2, "z": [[None, 0]]}, ["z[0][0] is null", "number from"]),
    ("decode", {"model": Z2, "z": [[[0], [0]]]}, ["z[0][0] is [0]", "number from"]),
    ("decode", {"model": Z2, "z": [[0, 0]] * 10**6}, ["z has 1,000,000 rows", "1 to 1,024"]),
    ("decode", {"model": Z2, "z": {"0": 1}}, ["z is {'0': 1}", "(N, 2)"]),
    (
        "decode",
        {"model": Z2, "z": [[0, 0]], "label": 1},
        ["label is 1", "not conditional", "leave label out"],
    ),
    ("decode", {"model": COND, "z": [[0, 0]]}, ["label is missing", "0 to 9", "conditional"]),
    ("decode", {"model": COND, "z": [[0, 0]], "label": 10}, ["label is 10", "0 to 9"]),
    ("decode", {"model": COND, "z": [[0, 0]], "label": True}, ["label is true", "0 to 9"]),
    ("decode", {"model": COND, "z": [[0, 0]], "label": 1.0}, ["label is 1.0", "0 to 9"]),
    ("encode", {"model": Z2}, ["image is missing", "(H, W)"]),
    ("encode", {"model": Z2, "image": []}, ["image is []", "(H, W)"]),
    ("encode", {"model": Z2, "image": [[]]}, ["image[0] is []", "(H, W)"]),
    ("encode", {"model": Z2, "image": [0.5]}, ["image[0] is 0.5", "(H, W)"]),
    ("encode", {"model": Z2, "image": RAGGED}, ["image[7] has 9 pixels, but image[0] has 8", "(H, W)"]),
    ("encode", {"model": Z2, "image": WIDE}, ["image has 5,000 rows", "1 to 1024"]),
    ("encode", {"model": Z2, "image": [[0.5] * 1025]}, ["image[0] has 1,025 pixels", "1 to 1024"]),
    ("encode", {"model": Z2, "image": [[0.5, 1.5]]}, ["image[0][1] is 1.5", "0 to 1"]),
    ("encode", {"model": Z2, "image": [[0.5, -0.1]]}, ["image[0][1] is -0.1", "0 to 1"]),
    ("encode", {"model": Z2, "image": [[0.5, float("nan")]]}, ["image[0][1] is nan", "0 to 1"]),
    ("encode", {"model": Z2, "image": [[0.5, True]]}, ["image[0][1] is true", "0 to 1"]),
    ("encode", {"model": Z2, "image": [[0.5, [0, 0, 0]]]}, ["image[0][1] is [0, 0, 0]", "0 to 1"]),
    ("encode", {"model": Z2, "image": [[[0.5, 0], [0, 0]]]}, ["image has shape (1, 2, 2)", "(H, W, 3)"]),
    ("encode", {"model": Z2, "image": [[[0, 0, 0], [0, 0]]]}, ["image[0][1] is [0, 0]", "(H, W, 3)"]),
    ("encode", {"model": Z2, "image": [[[0, 0, 0], [0, 0, 2]]]}, ["image[0][1][2] is 2", "0 to 1"]),
    ("encode", {"model": Z2, "image": "data:image/png;base64,"}, ["image is 'data:image", "(H, W)"]),
    ("encode", {"model": Z2, "image": [[0.5] * 9] * 9, "raw": True}, ["image has shape (9, 9)", "(8, 8)"]),
    ("encode", {"model": Z2, "image": [[0.5] * 9] * 9}, ["image is empty", "draw"]),
    ("encode", {"model": Z2, "image": [[0.5] * 8] * 8, "raw": 1}, ["raw is 1", "true or false"]),
    ("reconstruct", {}, ["dataset is missing", "digits"]),
    ("reconstruct", {"dataset": "mnist", "index": 0}, ["dataset is 'mnist'", "digits"]),
    ("reconstruct", {"dataset": "digits"}, ["index is missing", "whole number"]),
    ("reconstruct", {"dataset": "digits", "index": 360}, ["index is 360", "0 to 359"]),
    ("reconstruct", {"dataset": "digits", "index": -1}, ["index is -1", "0 or more"]),
    ("reconstruct", {"dataset": "digits", "index": 1.5}, ["index is 1.5", "whole number"]),
    ("reconstruct", {"dataset": "digits", "index": 1, "models": []}, ["models is []", "1 to 64"]),
    ("reconstruct", {"dataset": "digits", "index": 1, "models": [Z2, "nope"]}, ["model is 'nope'", Z2]),
    ("reconstruct", {"dataset": "digits", "index": 1, "models": Z2}, [f"models is '{Z2}'", "list"]),
    ("codes", {"model": "../models"}, ["model is '../models'", Z2]),
    ("manifold", {"model": Z2, "n": 31}, ["n is 31", "1 to 30"]),
    ("manifold", {"model": Z2, "n": 0}, ["n is 0", "1 to 30"]),
    ("manifold", {"model": Z2, "n": 5.0}, ["n is 5.0", "1 to 30"]),
    ("manifold", {"model": Z2, "n": 10**30}, ["n is a whole number of 100 bits", "1 to 30"]),
    ("manifold", {"model": Z2, "extent": -1}, ["extent is -1", "0 to 100"]),
    ("manifold", {"model": Z2, "extent": float("inf")}, ["extent is inf", "0 to 100"]),
    ("manifold", {"model": Z2, "spacing": "odd"}, ["spacing is 'odd'", "even or equal-mass"]),
    ("manifold", {"model": Z2, "chart": "tsne"}, ["chart is 'tsne'", "pca"]),
    ("manifold", {"model": Z2, "chart": "axes:0,2"}, ["chart is 'axes:0,2'", "0 to 1"]),
    ("manifold", {"model": Z2, "chart": "umap"}, ["chart is 'umap'", "python -m vae charts"]),
    ("manifold", {"model": Z2, "chart": ["pca"]}, ["chart is ['pca']", "pca"]),
    ("sample", {"model": Z2}, ["n is missing", "1 to 1024"]),
    ("sample", {"model": Z2, "n": 1025}, ["n is 1025", "1 to 1024"]),
    ("sample", {"model": Z2, "n": True}, ["n is true", "1 to 1024"]),
    ("sample", {"model": Z2, "n": 1, "temperature": 3.1}, ["temperature is 3.1", "0 to 3"]),
    ("sample", {"model": Z2, "n": 1, "temperature": "hot"}, ["temperature is 'hot'", "0 to 3"]),
    ("sample", {"model": Z2, "n": 1, "seed": -1}, ["seed is -1", "0 or more"]),
    ("sample", {"model": Z2, "n": 1, "seed": 0.5}, ["seed is 0.5", "whole number"]),
    ("interpolate", {"model": Z2, "z_start": [0, 0]}, ["z_end is missing", "2 numbers"]),
    (
        "interpolate",
        {"model": Z2, "z_start": [[0, 0]], "z_end": [0, 0]},
        ["z_start is [[0, 0]]", "2 numbers"],
    ),
    ("interpolate", {"model": Z2, "z_start": [0], "z_end": [0, 0]}, ["z_start has 1 entries", "2 numbers"]),
    (
        "interpolate",
        {"model": Z2, "z_start": [0, "0"], "z_end": [0, 0]},
        ["z_start[1] is '0'", "number from"],
    ),
    (
        "interpolate",
        {"model": Z2, "z_start": [0, 0], "z_end": [0, 0], "steps": 101},
        ["steps is 101", "2 to 100"],
    ),
    (
        "interpolate",
        {"model": Z2, "z_start": [0, 0], "z_end": [0, 0], "steps": 1},
        ["steps is 1", "2 to 100"],
    ),
    (
        "interpolate",
        {"model": Z2, "z_start": [0, 0], "z_end": [0, 0], "method": "cubic"},
        ["method is 'cubic'", "linear or slerp"],
    ),
    ("traverse", {"model": Z2, "z": [0, 0], "dim": 2, "low": 0, "high": 1}, ["dim is 2", "0 to 1"]),
    ("traverse", {"model": Z2, "z": [0, 0], "dim": -1, "low": 0, "high": 1}, ["dim is -1", "0 to 1"]),
    ("traverse", {"model": Z2, "z": [0, 0], "dim": 0, "high": 1}, ["low is missing", "number from"]),
    (
        "traverse",
        {"model": Z2, "z": [0, 0], "dim": 0, "low": 0, "high": float("nan")},
        ["high is nan", "number from"],
    ),
    ("metrics", {"model": None}, ["model is missing", Z2]),
    ("metrics", {"model": Z2, "extra": 1}, ["/metrics has no field 'extra'", "its fields are model"]),
    ("models", {"extra": 1}, ["/models has no field 'extra'", "takes none"]),
]


@pytest.mark.parametrize(("name", "asked", "words"), WRONG, ids=[f"{n}-{w[0][:40]}" for n, _, w in WRONG])
def test_a_wrong_field_is_answered_with_its_name_its_value_and_what_is_allowed(endpoints, name, asked, words):
    with pytest.raises(gr.Error) as refused:
        getattr(endpoints, name)(**asked)
    text = refused.value.message
    assert all(word in text for word in words), text
    assert len(text) < 1000 and text.endswith(".") and not refused.value.print_exception


def test_the_clients_error_is_our_sentence(client):
    with pytest.raises(
        AppError, match="label is 3, but digits-tutorial-z2 is not conditional; leave label out."
    ):
        client.predict(Z2, [[0, 0]], 3, api_name="/decode")


def test_every_door_refuses_a_field_it_does_not_know(explorer):
    for name, door in doors_of(explorer).items():
        reply = asyncio.run(door({"zz": 1}))
        assert f"{name} has no field 'zz'" in reply["error"]
        assert "takes one object of named fields" in asyncio.run(door([1]))["error"]


def test_an_unexpected_fault_is_a_plain_sentence_for_the_asker_and_a_trace_for_the_log(
    explorer, caplog, monkeypatch
):
    def fail(*_, **__):
        raise ZeroDivisionError("inner detail")

    monkeypatch.setattr(explorer, "metrics", fail)
    with caplog.at_level(logging.ERROR, "vae.ui"), pytest.raises(gr.Error) as told:
        Endpoints(explorer).metrics(model=Z2)
    assert "could not be answered" in told.value.message and "inner detail" not in told.value.message
    assert "inner detail" in caplog.text
    reply = asyncio.run(doors_of(explorer)["card"]({"model": Z2}))
    assert "inner detail" not in reply["error"] and reply["error"].endswith(".")


# ---- anything at all -----------------------------------------------------------------------------------------------


def doors_of(explorer: Explorer) -> dict:
    doors = Doors(explorer)
    doors.warm.set()
    return {door.__name__: door for door in doors.functions()}


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.just(10**400)
    | st.just("\ud800"),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
NUMBER = st.floats(-4, 4) | st.integers(-3, 3)
INK = base64.b64encode(bytes(255 * (SIDE // 3 < i % SIDE < SIDE // 2) for i in range(SIDE * SIDE))).decode()
LIKELY = {
    "model": st.sampled_from([Z2, Z5, AE, COND]),
    "models": st.lists(st.sampled_from([Z2, Z5, AE, COND]), min_size=1, max_size=3),
    "dataset": st.just("digits"),
    "z": st.lists(NUMBER, min_size=2, max_size=2)
    | st.lists(st.lists(NUMBER, min_size=2, max_size=2), max_size=3),
    "z_start": st.lists(NUMBER, min_size=2, max_size=2),
    "z_end": st.lists(NUMBER, min_size=2, max_size=2),
    "uv": st.none() | st.lists(NUMBER, min_size=2, max_size=2),
    "label": st.none() | st.integers(0, 9),
    "index": st.integers(0, 400),
    "indices": st.lists(st.integers(0, 400), max_size=4),
    "n": st.integers(0, 6),
    "extent": NUMBER,
    "spacing": st.sampled_from(["even", "equal-mass"]),
    "chart": st.none()
    | st.sampled_from(
        [
            "pca",
            "axes:0,1",
            "axes:1,0",
            "axes:1,3",
            "plane:1,2,3",
            "plane:1,1,1",
            "umap",
            "plane:1,2,999",
            "axes:٣,1",
        ]
    ),
    "anchor": st.none() | st.integers(0, 400),
    "start": st.sampled_from([0, 7, 5000]),
    "seed": st.integers(0, 2**60),
    "temperature": NUMBER,
    "steps": st.integers(1, 5),
    "box": st.lists(NUMBER, min_size=4, max_size=4),
    "columns": st.integers(0, 7),
    "rows": st.integers(0, 7),
    "method": st.sampled_from(["linear", "slerp"]),
    "dim": st.integers(0, 5),
    "low": NUMBER,
    "high": NUMBER,
    "raw": st.booleans(),
    "exclude": st.none() | st.integers(0, 400),
    "image": st.just(INK)
    | st.lists(st.lists(st.floats(0, 1), min_size=8, max_size=8), min_size=8, max_size=8),
}


def questions(names) -> st.SearchStrategy:
    """Dicts whose fields are mostly likely ones, sometimes anything, in half of the dicts sometimes left out."""
    mostly = {name: st.one_of(*[LIKELY.get(name, NUMBER)] * 9, JSON) for name in names}
    return st.fixed_dictionaries(mostly) | st.fixed_dictionaries({}, optional=mostly)


ANYTHING = settings(deadline=None, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize("name", Endpoints.NAMES)
def test_an_endpoint_answers_anything_with_json_or_a_sentence(endpoints, name):
    import inspect

    @ANYTHING
    @given(questions(inspect.signature(getattr(endpoints, name)).parameters))
    def ask(asked):
        try:
            answer = getattr(endpoints, name)(**asked)
        except gr.Error as error:
            assert (
                error.message.endswith(".") and len(error.message) < 2000 and "Traceback" not in error.message
            )
            assert "could not be answered" not in error.message, f"an unexpected fault for {asked}"
            json.dumps(error.message).encode()
        else:
            json.dumps(answer, allow_nan=False)

    ask()


@pytest.mark.parametrize("name", DOORS)
def test_a_door_answers_anything_with_json_or_a_sentence(explorer, name):
    door, known = doors_of(explorer)[name], getattr(Doors, name).door["checks"]

    @ANYTHING
    @given(questions(known) | questions(known) | JSON)
    def ask(asked):
        reply = asyncio.run(door(asked))
        json.dumps(reply, allow_nan=False)
        if "error" in reply:
            assert reply["error"].endswith(".") and len(reply["error"]) < 2000
            assert "its log says why" not in reply["error"], f"an unexpected fault for {asked}"

    ask()


def test_memory_stays_flat_over_many_questions(endpoints, explorer):
    doors = doors_of(explorer)
    loop = asyncio.new_event_loop()

    def a_round(turn: int) -> None:
        for i in range(60):
            for asked in (
                {"model": f"no {turn} {i}"},
                {"model": Z2, "z": [[0, i]] * 50},
                {"model": Z2, "z": [[0, "x" * 1000]]},
                {"model": Z2, "z": None},
            ):
                try:
                    endpoints.decode(**asked)
                except gr.Error:
                    pass
            places = (
                {"model": Z2, "z": [0.1 * i, turn]},
                {"model": Z2, "chart": f"plane:{i},{turn},999"},
                {"model": Z5, "anchor": i, "chart": "axes:0,1"},
            )
            for asked in places:
                loop.run_until_complete(doors["place"](asked))
                loop.run_until_complete(doors["map"]({k: v for k, v in asked.items() if k != "z"}))

    for turn in range(3):
        a_round(turn)
    gc.collect()
    tracemalloc.start()
    for turn in range(3, 7):
        a_round(turn)
    gc.collect()
    grown = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    loop.close()
    assert grown < 1e6, f"{grown / 1e6:.2f} MB stayed after {4 * 60 * 10} questions"


# ---- how it is wired -----------------------------------------------------------------------------------------------


def test_the_endpoints_have_the_promised_parameters_in_order_with_their_defaults(served):
    found = httpx.get(f"{served.address}/gradio_api/info").json()["named_endpoints"]
    assert set(found) == {f"/{name}" for name in Endpoints.NAMES}
    promised = {
        "/models": {},
        "/decode": {"model": None, "z": None, "label": None},
        "/encode": {"model": None, "image": None, "raw": False, "label": None},
        "/reconstruct": {"dataset": None, "index": None, "models": None},
        "/codes": {"model": None},
        "/metrics": {"model": None},
        "/manifold": {"model": None, "n": 20, "extent": 2.0, "spacing": "even", "chart": None, "label": None},
        "/sample": {"model": None, "n": None, "temperature": 1.0, "label": None, "seed": 0},
        "/interpolate": {
            "model": None,
            "z_start": None,
            "z_end": None,
            "steps": 12,
            "method": "linear",
            "label": None,
        },
        "/traverse": {
            "model": None,
            "z": None,
            "dim": None,
            "low": None,
            "high": None,
            "steps": 11,
            "label": None,
        },
    }
    for name, parameters in promised.items():
        listed = found[name]["parameters"]
        assert [(p["parameter_name"], p["parameter_default"]) for p in listed] == list(parameters.items()), (
            name
        )
        assert all(p["parameter_has_default"] for p in listed)


def test_every_listener_says_who_may_call_it_how_often_and_what_waits(demo):
    for wired in demo.config["dependencies"]:
        function = demo.fns[wired["id"]]
        about = f"{wired['api_name']} {wired['targets']}"
        # Gradio's default is the function's id()
        assert not function.concurrency_id.isdigit(), f"{about} has no concurrency_id of its own"
        assert wired["api_visibility"] in ("public", "private"), about
        assert (wired["api_visibility"] == "public") == (wired["api_name"] in Endpoints.NAMES), about
        assert wired["trigger_mode"] in ("once", "multiple", "always_last") or not wired["targets"], about
        assert function.fn.__name__ != "<lambda>", about
        assert isinstance(wired["queue"], bool), about


def test_functions_that_share_a_group_share_its_limit(demo):
    limits: dict[str, set] = {}
    for function in demo.fns.values():
        limits.setdefault(function.concurrency_id, set()).add(function.concurrency_limit)
    assert all(len(found) == 1 for found in limits.values()), limits


def test_a_check_costs_microseconds(explorer):
    import timeit

    asked = {"model": Z2, "z": [0.1, 0.2], "label": None}
    explorer.codes(Z2)
    best = (
        min(
            timeit.repeat(
                lambda: fields.check("place", Doors.place.door["checks"], asked, explorer),
                number=200,
                repeat=5,
            )
        )
        / 200
    )
    assert best < 2e-4, f"{best * 1e6:.0f} us"
