"""Explorer: every question a view asks, judged by torch, scikit-learn and scipy; and what happens when folders are not as they should be."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from digits_models import AE, COND, Z2, Z5, codes_of, decoded
from safetensors.numpy import load_file, save_file
from sklearn.decomposition import PCA
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors

from vae import Explorer, VAEError
from vae.errors import InputError


@pytest.fixture(scope="module")
def explorer(trained: Path) -> Explorer:
    return Explorer(trained)


# ---- places and images ---------------------------------------------------------------------------------------------


def test_place_decodes_and_looks_around_as_torch_and_scikit_learn_do(explorer, trained):
    z, codes = np.array([0.3, -0.8, 0.1, 1.0, -0.2], np.float32), codes_of(trained, Z5)
    found = explorer.place(Z5, z)
    np.testing.assert_allclose(found["image"], decoded(trained, Z5, z[None])[0], atol=1e-6)
    judge = KNeighborsClassifier(15, algorithm="brute").fit(codes["mu"], codes["labels"])
    distances, rows = judge.kneighbors(z[None])
    assert [n["index"] for n in found["nearest"]] == rows[0, :5].tolist()
    np.testing.assert_allclose([n["distance"] for n in found["nearest"]], distances[0, :5], atol=1e-5)
    assert found["label_votes"] == pytest.approx(
        {str(c): p for c, p in zip(judge.classes_, judge.predict_proba(z[None])[0]) if p}, abs=1e-4
    )
    gaps = NearestNeighbors(n_neighbors=2).fit(codes["mu"]).kneighbors(codes["mu"])[0][:, 1]
    assert found["support"] == pytest.approx((gaps > distances[0, 0]).mean(), abs=1 / len(gaps))


def test_support_is_none_far_out_and_full_on_a_code(explorer, trained):
    codes = codes_of(trained, Z2)["mu"]
    assert explorer.place(Z2, np.array([1e3, 1e3]))["support"] == 0
    assert explorer.place(Z2, codes[7])["support"] == pytest.approx(1, abs=2 / len(codes))


@pytest.mark.parametrize("model", [Z2, Z5, AE, COND])
def test_select_leaves_the_image_itself_out_of_its_neighbours(explorer, trained, digits, model):
    index, codes = 17, codes_of(trained, model)
    found = explorer.select(model, index)
    others = np.delete(np.arange(len(codes["mu"])), index)
    near = NearestNeighbors(n_neighbors=15, algorithm="brute").fit(codes["mu"][others])
    distances, rows = near.kneighbors(codes["mu"][[index]])
    np.testing.assert_allclose([n["distance"] for n in found["nearest"]], distances[0, :5], atol=1e-4)
    assert index not in [n["index"] for n in found["nearest"]]
    votes = np.bincount(codes["labels"][others[rows[0]]]) / 15
    assert found["label_votes"] == pytest.approx(
        {str(c): share for c, share in enumerate(votes) if share}, abs=1e-4
    )
    original = digits[1].images[index] / np.float32(255)
    np.testing.assert_array_equal(found["original"], original)
    np.testing.assert_allclose(found["error"], original - found["x_recon"], atol=1e-7)
    label = int(digits[1].labels[index])
    assert found["label"] == label and (found["kl"] is None) == (model == AE)
    np.testing.assert_allclose(
        found["x_recon"],
        decoded(trained, model, codes["mu"][[index]], label if model == COND else None)[0],
        atol=1e-6,
    )


def test_recon_and_kl_at_the_mean_are_torch_distributions(explorer, trained, digits):
    from torch.distributions import Bernoulli, Normal, kl_divergence

    codes = codes_of(trained, Z2)
    for index in (0, 100, 359):
        found = explorer.select(Z2, index)
        x, x_recon = (
            torch.tensor(digits[1].images[index] / np.float32(255)),
            torch.tensor(decoded(trained, Z2, codes["mu"][[index]])[0]),
        )
        assert found["recon"] == pytest.approx(
            -float(Bernoulli(x_recon, validate_args=False).log_prob(x).sum()), rel=1e-4
        )
        posterior = Normal(torch.tensor(codes["mu"][index]), torch.tensor(np.exp(codes["logvar"][index] / 2)))
        assert found["kl"] == pytest.approx(float(kl_divergence(posterior, Normal(0.0, 1.0)).sum()), abs=1e-4)


def test_a_test_image_sent_in_raw_finds_its_own_code_unless_it_is_excluded(explorer, digits, trained):
    index = 30
    image = digits[1].images[index, 0] / np.float32(255)
    found = explorer.encode(Z5, image, raw=True)
    assert found["nearest"][0]["index"] == index and found["nearest"][0]["distance"] < 0.01
    # the file holds halves
    np.testing.assert_allclose(found["mu"], codes_of(trained, Z5)["mu"][index], atol=5e-3)
    assert index not in [n["index"] for n in explorer.encode(Z5, image, raw=True, exclude=index)["nearest"]]


def test_a_raw_image_may_name_its_one_channel(explorer, digits):
    image = digits[1].images[30, 0] / np.float32(255)
    found = [explorer.encode(Z5, one, raw=True)["x"] for one in (image, image[..., None])]
    np.testing.assert_array_equal(found[0], found[1])


def test_a_photo_larger_than_the_endpoint_takes_is_scaled(explorer):
    photo = np.ones((1300, 2000, 3), np.float32)
    photo[200:1000, 900:1000] = 0
    small = photo[::10, ::10, 0]
    seen = [explorer.encode(Z2, image)["x"] for image in (photo, small)]
    np.testing.assert_allclose(seen[0], seen[1], atol=0.02)


def test_a_drawing_of_any_size_place_and_polarity_is_seen_the_same(explorer):
    small = np.zeros((40, 40), np.float32)
    small[8:32, 18:22] = 1
    large = np.zeros((300, 500), np.float32)
    large[20:260, 400:440] = 1
    seen = [
        explorer.encode(Z2, image)["x"]
        for image in (small, large, 1 - small, np.repeat(large[..., None], 3, 2))
    ]
    for other in seen[1:]:
        np.testing.assert_allclose(other, seen[0], atol=0.02)


def test_thumbnails_are_the_test_images(explorer, digits):
    np.testing.assert_array_equal(explorer.thumbnails(Z2, [3, 1, 3]), digits[1].images[[3, 1, 3]])


def test_thumbnails_without_images_are_reconstructions(explorer, trained, monkeypatch):
    def gone(*_, **__):
        raise VAEError("no images")

    monkeypatch.setattr(explorer.catalogue, "images", gone)
    labels = codes_of(trained, COND)["labels"]
    expected = decoded(trained, COND, codes_of(trained, COND)["mu"][[9]], int(labels[9]))
    np.testing.assert_allclose(explorer.thumbnails(COND, [9]), np.round(expected * 255), atol=1)
    found = explorer.select(Z2, 9)
    assert (
        found["original"] is None
        and found["error"] is None
        and found["recon"] is None
        and found["x_recon"].shape == (1, 8, 8)
    )
    assert explorer.reconstruct("digits", 9)["original"] is None


def test_a_random_index_of_a_class_is_of_that_class_and_repeatable(explorer, digits):
    for label in range(10):
        index = explorer.index_of_class(Z2, label, seed=label)
        assert digits[1].labels[index] == label and index == explorer.index_of_class(Z2, label, seed=label)
    assert len({explorer.index_of_class(Z2, None, seed) for seed in range(20)}) > 10
    with pytest.raises(InputError, match="label is 11"):
        explorer.index_of_class(Z2, 11)


def test_card_and_history_hold_what_the_files_hold(explorer, trained):
    card, config = explorer.card(Z5), json.loads((trained / Z5 / "config.json").read_text())
    assert all(card[key] == config[key] for key in ("model", "train", "dataset", "recipe", "provenance"))
    weights = load_file(trained / Z5 / "model.safetensors")
    assert {layer["name"]: tuple(layer["shape"]) for layer in card["layers"]} == {
        k: v.shape for k, v in weights.items()
    }
    assert explorer.history(Z5) == json.loads((trained / Z5 / "history.json").read_text())


# ---- charts --------------------------------------------------------------------------------------------------------


def test_the_map_of_a_larger_latent_is_scikit_learns_pca(explorer, trained):
    mu, found = codes_of(trained, Z5)["mu"], explorer.map(Z5)
    judge = PCA(2).fit(mu.astype(np.float64))
    assert found["chart"] == found["default"] == "pca" and set(found["charts"]) == {"axes:0,1", "pca"}
    np.testing.assert_allclose(np.abs(found["uv"]), np.abs(judge.transform(mu)), atol=1e-4)
    assert found["explained"] == pytest.approx(judge.explained_variance_ratio_.sum(), abs=1e-6)
    np.testing.assert_allclose(found["origin"], judge.mean_, atol=1e-6)
    assert all(row[np.abs(row).argmax()] > 0 for row in found["basis"])


def test_the_map_of_a_plane_latent_is_the_codes_themselves(explorer, trained):
    codes, found = codes_of(trained, Z2), explorer.map(Z2)
    assert found["chart"] == "axes:0,1"
    np.testing.assert_allclose(found["uv"], codes["mu"], atol=1e-6)
    np.testing.assert_array_equal(found["labels"], codes["labels"])


def test_an_anchored_axes_chart_passes_through_that_image(explorer, trained):
    codes = codes_of(trained, Z5)["mu"]
    chart = explorer.chart(Z5, "axes:3,0", anchor=12)
    np.testing.assert_allclose(chart.to_latent(codes[[12]][:, [3, 0]]), codes[[12]], atol=1e-6)
    np.testing.assert_allclose(chart.to_plane(codes), codes[:, [3, 0]], atol=1e-6)


def test_a_plane_chart_holds_its_three_images_exactly(explorer, trained):
    codes, chart = codes_of(trained, Z5)["mu"], explorer.chart(Z5, "plane:5,80,200")
    np.testing.assert_allclose(
        chart.to_latent(chart.to_plane(codes[[5, 80, 200]])), codes[[5, 80, 200]], atol=1e-5
    )


def test_shipped_umap_places_are_offered_and_carry_both_ways(copied):
    codes = load_file(copied / Z5 / "codes.safetensors")["mu"].astype(np.float32)
    places = np.random.default_rng(0).normal(size=(len(codes), 2)).astype(np.float32)
    save_file({"umap": places}, copied / Z5 / "charts.safetensors")
    explorer = Explorer(copied)
    found = explorer.map(Z5, "umap")
    assert "umap" in found["charts"] and found["origin"] is None and found["basis"] is None
    np.testing.assert_array_equal(found["uv"], places)
    chart = explorer.chart(Z5, "umap")
    np.testing.assert_allclose(chart.to_plane(codes[:20]), places[:20], atol=1e-6)
    near = NearestNeighbors(n_neighbors=15, algorithm="brute").fit(places)
    distance, rows = near.kneighbors([[0.2, 0.1]])
    weight = 1 / (distance[0] + 1e-6)
    np.testing.assert_allclose(
        chart.to_latent([[0.2, 0.1]])[0], (weight[:, None] * codes[rows[0]]).sum(0) / weight.sum(), atol=1e-4
    )


@pytest.mark.parametrize(
    "name", ["axes:0,0", "axes:0,9", "plane:1,1,2", "plane:0,1,360", "umap", "", "pca ", "axes:-1,0"]
)
def test_a_chart_that_cannot_be_is_refused_by_name(explorer, name):
    if name == "":
        assert explorer.chart(Z5, name).name == "pca"
        return
    with pytest.raises(InputError, match="chart is"):
        explorer.chart(Z5, name)


# ---- refusals ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ask", "says"),
    [
        (lambda e: e.decode(Z2, np.zeros((3, 5))), "z has shape"),
        (lambda e: e.decode(Z2, np.zeros(2)), "z has shape"),
        (lambda e: e.decode(Z2, np.array([[0, np.nan]])), "not finite"),
        (lambda e: e.decode(Z2, np.zeros((1, 2)), label=1), "not conditional"),
        (lambda e: e.decode(COND, np.zeros((1, 2))), "label is None"),
        (lambda e: e.select(Z2, 360), "index is 360"),
        (lambda e: e.select(Z2, -1), "index is -1"),
        (lambda e: e.reconstruct("mnist", 0), "dataset is 'mnist'"),
        (lambda e: e.traverse(Z2, np.zeros(2), 2, 0, 1), "dim is 2"),
        (lambda e: e.encode(Z2, np.full((8, 8), 2.0)), "outside"),
        (lambda e: e.encode(Z2, np.full((8, 8), 200, np.uint8)), "divide an image of bytes by 255"),
        (lambda e: e.encode(Z2, np.zeros((0, 8))), "shape"),
        (lambda e: e.encode(Z2, np.zeros((8, 8, 2))), r"shape \(8, 8, 2\); it must be \(H, W\), \(H, W, 1\)"),
        (
            lambda e: e.encode(Z2, np.zeros((8, 8, 3)), raw=True),
            r"shape \(8, 8, 3\); with raw it must be \(8, 8\) or",
        ),
        (lambda e: e.encode(Z2, [[0, 1], [0]]), "no array of numbers"),
        (lambda e: e.encode(Z2, np.eye(8), ink="blue"), "ink is 'blue'"),
        (lambda e: e.encode(Z2, np.zeros((9, 9)), raw=True), "shape"),
        (lambda e: e.encode(Z2, np.zeros((28, 28))), "empty"),
        (lambda e: e.catalogue.fetch_images("letters"), "dataset is 'letters'"),
        (lambda e: e.interpolate(Z2, np.zeros(2), np.ones(2), method="x"), "method is 'x'"),
        (lambda e: e.decode(Z2, "x"), "z is 'x', no array of numbers"),
        (lambda e: e.decode(Z2, [[0, 1], [0]]), "no array of numbers"),
        (lambda e: e.decode(Z2, [["0", "1"]]), "no array of numbers"),
        (lambda e: e.decode(Z2, [[None, {}]]), "no array of numbers"),
        (lambda e: e.decode(Z2, [[0, 1e30]]), r"z holds 1e\+30; every entry must be from -1,000,000"),
        (lambda e: e.decode(Z2, [[0, -1000001]]), "z holds -1e"),
        (lambda e: e.decode(Z2, [[0, 10**400]]), "z is|not finite"),
        (lambda e: e.decode(COND, np.zeros((1, 2)), label=10), "label is 10; .* from 0 to 9"),
        (lambda e: e.decode(COND, np.zeros((1, 2)), label=-1), "label is -1; .* from 0 to 9"),
        (lambda e: e.decode(COND, np.zeros((1, 2)), label=0.5), "label is 0.5; .* from 0 to 9"),
        (lambda e: e.decode(COND, np.zeros((1, 2)), label="1"), "label is '1'; .* from 0 to 9"),
        (lambda e: e.support(Z2, np.full((1, 2), 1e30)), r"z holds 1e\+30"),
        (lambda e: e.place(Z2, np.zeros(3)), r"z has shape \(3,\); .* takes \(2,\)"),
        (lambda e: e.place(Z2, [0, np.inf]), "not finite"),
        (lambda e: e.place(Z2, {}), "z is {}"),
        (lambda e: e.interpolate(Z2, np.zeros(3), np.zeros(2)), r"z_start has shape \(3,\)"),
        (lambda e: e.interpolate(Z2, np.zeros(2), [[0, 0]]), r"z_end has shape \(1, 2\)"),
        (lambda e: e.interpolate(Z2, np.zeros(2), np.ones(2), steps=-1), "steps is -1; .* from 2"),
        (lambda e: e.interpolate(Z2, np.zeros(2), np.ones(2), steps=1), "steps is 1; .* from 2"),
        (lambda e: e.interpolate(Z2, np.zeros(2), np.ones(2), steps=2.5), "steps is 2.5"),
        (lambda e: e.path_length(Z2, np.zeros(2), np.ones(2), steps=0), "steps is 0"),
        (lambda e: e.sample(Z2, n=-1), "n is -1; .* from 1"),
        (lambda e: e.sample(Z2, n=0), "n is 0; .* from 1"),
        (lambda e: e.sample(Z2, n=True), "n is true"),
        (lambda e: e.sample(Z2, n=10**9), "n is 1000000000"),
        (lambda e: e.sample(Z2, n=1, seed=-1), "seed is -1"),
        (lambda e: e.sample(Z2, n=1, seed=None), "seed is missing"),
        (lambda e: e.sample(Z2, n=1, temperature=np.nan), "temperature is nan; .* from 0 to 3"),
        (lambda e: e.sample(Z2, n=1, temperature=3.1), "temperature is 3.1"),
        (lambda e: e.manifold(Z2, n=0), "n is 0; .* from 1"),
        (lambda e: e.manifold(Z2, n=2, extent=np.nan), "extent is nan; .* from 0 to 100"),
        (lambda e: e.manifold(Z2, n=2, extent="wide"), "extent is 'wide'"),
        (lambda e: e.manifold(Z2, n=2, spacing=[]), "spacing is"),
        (lambda e: e.manifold(Z2, n=2, chart=["pca"]), "chart is"),
        (lambda e: e.manifold(Z2, n=2, chart="axes:0,1", anchor=9999), "anchor is 9999"),
        (lambda e: e.map(Z2, anchor=[0]), "anchor is"),
        (lambda e: e.ground(Z2, (0, 1, 0), 2, 2), "box has shape"),
        (lambda e: e.ground(Z2, (0, 1, 0, np.inf), 2, 2), "box holds a value"),
        (lambda e: e.ground(Z2, (0, 1, 0, 1), 0, 2), "columns is 0"),
        (lambda e: e.ground(Z2, (0, 1, 0, 1), 2, -2), "rows is -2"),
        (lambda e: e.encode(Z2, np.eye(8), exclude=9999), "exclude is 9999; .* from 0 to 359"),
        (lambda e: e.encode(Z2, np.eye(8), exclude="1"), "exclude is '1'"),
        (lambda e: e.traverse(Z2, np.zeros(2), 0.5, 0, 1), "dim is 0.5"),
        (lambda e: e.traverse(Z2, np.zeros(2), 0, np.nan, 1), "low is nan"),
        (lambda e: e.traverse(Z2, np.zeros(2), 0, 0, 1e7), "high is 10000000"),
        (lambda e: e.traverse(Z2, np.zeros(2), 0, 0, 1, steps=1), "steps is 1"),
        (lambda e: e.select(Z2, 0.5), "index is 0.5"),
        (lambda e: e.select(Z2, None), "index is null"),
        (lambda e: e.thumbnails(Z2, 3), "indices is 3"),
        (lambda e: e.thumbnails(Z2, [0, 360]), "index is 360"),
        (lambda e: e.index_of_class(Z2, "3"), "label is '3'"),
        (lambda e: e.index_of_class(Z2, 3, seed=-1), "seed is -1"),
        (lambda e: e.spread(Z2, 0, "pca", -1), "count is -1"),
        (lambda e: e.training_map(Z2, 0.5), "start is 0.5"),
        (lambda e: e.reconstruct("digits", "0"), "index is '0'"),
        (lambda e: e.reconstruct(["digits"], 0), "dataset is"),
        (lambda e: e.reconstruct("digits", 0, 5), "models is 5"),
        (lambda e: e.reconstruct("digits", 0, [[]]), "model is"),
        (lambda e: e.shortest_path(Z2, np.zeros(3), np.zeros(2)), "start has shape"),
        (lambda e: e.shortest_path(Z2, [0, 0], [1, np.nan]), "end holds a value"),
        (lambda e: e.shortest_path(Z2, [0, 0], [1, 1], steps=1), "steps is 1"),
        (lambda e: e.shortest_path(Z2, [0, 0], [1, 1], turns=-1), "turns is -1"),
        (lambda e: e.shortest_path(Z2, [0, 0], [1, 1], line="x"), "line is 'x'"),
    ],
)
def test_a_question_that_cannot_be_answered_is_refused_with_a_sentence(explorer, ask, says):
    with pytest.raises(VAEError, match=says) as refused:
        ask(explorer)
    assert str(refused.value).endswith(".")


# ---- areas of a chart -----------------------------------------------------------------------------------------------


def test_cells_around_the_places_of_a_manifold_grid_decode_to_the_same_images_the_top_row_first(explorer):
    n, half = 9, 0.25  # the grid's places are 4 / 8 apart, so its cells reach half of that beyond
    box = (-2 - half, 2 + half, -2 - half, 2 + half)
    found, grid = explorer.ground(Z2, box, n, n), explorer.manifold(Z2, n=n, extent=2.0)
    np.testing.assert_allclose(found["images"], grid["images"].reshape(found["images"].shape), atol=1e-5)
    np.testing.assert_allclose(found["support"], explorer.support(Z2, grid["z"].reshape(n * n, 2)), atol=1e-6)
