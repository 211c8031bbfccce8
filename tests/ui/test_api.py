"""The endpoints: right answers through gradio_client, judged by other libraries; and the parameters that they promise."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import numpy as np
import pytest
import torch
from digits_models import AE, COND, Z2, Z5, codes_of, decoded
from gradio_client.exceptions import AppError

from vae import load_model
from vae.ui.api import Endpoints, image_lists


def greys(trained: Path, model: str, z, label: int | None = None) -> np.ndarray:
    """(N, H, W), as the endpoints give grey images."""
    return decoded(trained, model, z, label)[:, 0]


def same(images, expected) -> None:
    assert np.shape(images) == expected.shape
    np.testing.assert_allclose(images, expected, atol=6e-5)  # rounded to four digits
    assert all(round(value, 4) == value for value in np.ravel(images).tolist())


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
    same(found["images"], greys(trained, model, z, label))


def test_decode_takes_1024_latents_at_once(client, trained):
    z = np.random.default_rng(1).normal(size=(1024, 2)).round(2)
    same(client.predict(Z2, z.tolist(), api_name="/decode")["images"], greys(trained, Z2, z))


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
    same(found["x_recon"], greys(trained, Z5, mu)[0])
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
        x_recon = greys(trained, name, codes["mu"][[index]], label if name == COND else None)[0]
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
    same(found["images"], greys(trained, Z2, expected.reshape(-1, 2)).reshape(5, 5, 8, 8))


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
    same(found["images"], greys(trained, Z5, z))
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
    same(found["images"], greys(trained, Z5, found["z"]))
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
    same(found["images"], greys(trained, Z5, expected))


def test_colour_images_go_out_with_their_channels_last():
    images = np.random.default_rng(0).random((2, 3, 4, 5))
    np.testing.assert_array_equal(image_lists(images), images.transpose(0, 2, 3, 1).round(4))


def test_the_clients_error_is_our_sentence(client):
    with pytest.raises(
        AppError, match="label is 3, but digits-tutorial-z2 is not conditional; leave label out."
    ):
        client.predict(Z2, [[0, 0]], 3, api_name="/decode")


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
