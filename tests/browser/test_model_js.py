"""The browser's own encoder, decoder and neighbours against torch and the library, on the shipped files."""

import base64
import json

import numpy as np
import pytest
import torch
from arithmetic import b64, floats
from safetensors.torch import save
from support import MODELS, ROOT, needs_images

from vae import load_model
from vae.config import ModelConfig
from vae.data.load import load_split
from vae.model import VAE
from vae.space.chart import UmapChart
from vae.space.neighbours import Neighbours

NAMES = sorted(p.parent.name for p in MODELS.glob("*/config.json"))
NEAR = 1e-4  # half a step of an 8-bit pixel is twenty times that


def config_of(name: str) -> dict:
    return json.loads((MODELS / name / "config.json").read_text())


# One net of each kind, beside those that are shipped; the conditional ones add from their first layer on: 2 + 10 inputs, 12 wide.
KINDS = {
    "mlp": {"hidden": (9, 2), "residual": True},
    "mlp autoencoder": {"hidden": (9, 7), "variational": False},
    "mlp conditional": {"hidden": (12, 12), "residual": True, "conditional": True},
    "conv": {"architecture": "conv", "hidden": (5, 6, 9)},
    "conv conditional": {"architecture": "conv", "hidden": (5, 6, 12), "conditional": True},
    "conv3": {"architecture": "conv3", "hidden": (16, 32, 32)},
    "conv3 autoencoder": {"architecture": "conv3", "hidden": (5, 6, 9), "variational": False},
    "conv3 conditional sigma": {
        "architecture": "conv3",
        "hidden": (5, 6, 9),
        "conditional": True,
        "likelihood": "gaussian-learned",
    },
}


def of_kind(kind: str, shape: tuple[int, int, int]) -> VAE:
    """A net with large weights that a file can hold: half floats."""
    vae = VAE(ModelConfig(image_shape=shape, **KINDS[kind]), torch.Generator().manual_seed(1))
    with torch.no_grad():
        for weight in vae.parameters():
            weight.copy_((2 * weight).half())
    return vae


@pytest.mark.parametrize("name", NAMES)
def test_the_browser_decodes_a_thousand_places_as_torch_does(bench, name):
    config, rng = config_of(name), np.random.default_rng(0)
    # Well beyond the prior too
    z = rng.standard_normal((1000, config["model"]["latent_dim"])).astype(np.float32) * 2
    answer = bench.evaluate(
        """async ([name, config, z]) => {
          const net = new lx.Net(await lx.read(name, "model"), config), all = lx.floats(z), out = new Float32Array(1000 * net.pixels);
          for (let i = 0; i < 1000; i += 1) net.decode(all.subarray(i * net.size, (i + 1) * net.size), out.subarray(i * net.pixels, (i + 1) * net.pixels));
          return lx.text(out);
        }""",
        [name, config["model"], b64(z)],
    )
    with torch.inference_mode():
        torchs = load_model(MODELS / name).decode(torch.from_numpy(z)).flatten(1).numpy()
    assert np.abs(floats(answer, *torchs.shape) - torchs).max() <= NEAR


@pytest.mark.parametrize("name", NAMES)
def test_the_browser_encodes_a_hundred_images_as_torch_does(bench, name):
    config = config_of(name)
    needs_images(config["dataset"])
    x = (
        load_split(config["dataset"], "test", ROOT / "data", download=False).images[:100].astype(np.float32)
        / 255
    )
    answer = bench.evaluate(
        """async ([name, config, x]) => {
          const net = new lx.Net(await lx.read(name, "model"), config), all = lx.floats(x), out = new Float32Array(200 * net.size);
          for (let i = 0; i < 100; i += 1) {
            const { mu, logvar } = net.encode(all.subarray(i * net.pixels, (i + 1) * net.pixels));
            out.set(mu, 2 * i * net.size);
            out.set(logvar, (2 * i + 1) * net.size);
          }
          return lx.text(out);
        }""",
        [name, config["model"], b64(x)],
    )
    with torch.inference_mode():
        torchs = torch.stack(load_model(MODELS / name).encode(torch.from_numpy(x)), 1).numpy()
    assert np.abs(floats(answer, *torchs.shape) - torchs).max() <= NEAR


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 17, 23), (1, 8, 8)], ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_net_draws_sees_and_changes_in_the_browser_as_in_torch(bench, kind, shape):
    vae, chance = of_kind(kind, shape), torch.Generator().manual_seed(2)
    z, x = torch.randn(20, 2, generator=chance) * 2, torch.rand(20, *shape, generator=chance)
    x[:, :, : shape[1] // 3] = 0  # paper
    label = torch.randint(10, (20,), generator=chance) if vae.config.conditional else None
    basis = torch.randn(2, 2, generator=chance)
    weights = base64.b64encode(save({k: v.half() for k, v in vae.state_dict().items()})).decode()
    answer = bench.evaluate(
        """([weights, config, z, x, label, basis]) => {
          const net = new lx.Net(lx.readSafetensors(Uint8Array.from(atob(weights), (c) => c.charCodeAt(0)).buffer), config);
          const zs = lx.floats(z), xs = lx.floats(x), made = { images: [], mu: [], logvar: [], along: [[], []], stretch: [] };
          for (let i = 0; i < 20; i += 1) {
            const at = zs.subarray(2 * i, 2 * i + 2), as = label?.[i], seen = net.encode(xs.subarray(i * net.pixels, (i + 1) * net.pixels), as);
            made.images.push(...net.decode(at, undefined, as));
            made.mu.push(...seen.mu);
            made.logvar.push(...seen.logvar);
            net.tangents(at, basis, undefined, as).forEach((tangent, k) => made.along[k].push(...tangent));
            made.stretch.push(net.stretch(at, basis, as));
          }
          return made;
        }""",
        [
            weights,
            vae.config.to_dict(),
            b64(z),
            b64(x),
            None if label is None else label.tolist(),
            basis.tolist(),
        ],
    )
    with torch.no_grad():
        images, (mu, logvar) = vae.decode(z, label), vae.encode(x, label)
        along = [
            torch.func.jvp(lambda z: vae.decode(z, label), (z,), (way.expand_as(z),))[1].flatten(1)
            for way in basis
        ]
    for found, wanted in (
        (answer["images"], images),
        (answer["mu"], mu),
        (answer["logvar"], logvar),
    ):
        assert np.abs(np.array(found) - wanted.flatten().numpy()).max() <= NEAR
    for found, wanted in zip(answer["along"], along):
        # a unit whose sum is nothing but rounding may be open here and closed there: its few pixels then change otherwise
        assert np.quantile(np.abs(np.array(found) - wanted.flatten().numpy()), 0.99) <= NEAR
    jacobians = torch.stack(along, 2).double()  # (20, pixels, 2)
    areas = torch.linalg.det(jacobians.mT @ jacobians).clamp(min=0).sqrt()
    assert np.exp(answer["stretch"]) == pytest.approx(areas.numpy(), rel=0.01, abs=1e-4)


def test_a_conditional_net_wants_one_of_its_classes(bench):
    vae = of_kind("mlp conditional", (1, 8, 8))
    weights = base64.b64encode(save({k: v.half() for k, v in vae.state_dict().items()})).decode()
    ask = """([weights, config, label]) => {
      const net = new lx.Net(lx.readSafetensors(Uint8Array.from(atob(weights), (c) => c.charCodeAt(0)).buffer), config);
      return [() => net.decode([0, 0], undefined, label), () => net.encode(new Float32Array(64), label)].map((work) => {
        try { return work() && ""; } catch (fault) { return fault.message; }
      });
    }"""
    for label in (None, -1, 10, 1.5, "1"):
        for said in bench.evaluate(ask, [weights, vae.config.to_dict(), label]):
            assert (
                said
                == f"label is {'null' if label is None else label}; this model takes whole numbers from 0 to 9."
            )
    assert bench.evaluate(ask, [weights, vae.config.to_dict(), 9]) == ["", ""]


@pytest.mark.parametrize("name", NAMES)
def test_the_browser_reads_the_codes_as_they_lie_on_disk(bench, name):
    from safetensors.numpy import load_file

    codes = load_file(MODELS / name / "codes.safetensors")
    answer = bench.evaluate(
        "async (name) => { const { mu, logvar } = await lx.read(name, 'codes'); return [lx.text(mu.data), lx.text(logvar.data)]; }",
        name,
    )
    for text, key in zip(answer, ("mu", "logvar")):
        assert np.array_equal(floats(text, *codes[key].shape), codes[key].astype(np.float32)), key


@pytest.mark.parametrize("name", NAMES)
def test_neighbours_votes_and_support_are_those_of_the_library(bench, name):
    from safetensors.numpy import load_file

    codes = load_file(MODELS / name / "codes.safetensors")
    mu, rng = codes["mu"].astype(np.float32), np.random.default_rng(1)
    z = np.concatenate(
        [rng.standard_normal((20, mu.shape[1])).astype(np.float32) * 1.5, mu[rng.integers(len(mu), size=20)]]
    )
    answer = bench.evaluate(
        """async ([name, z, size]) => {
          const { mu, labels } = await lx.read(name, "codes"), codes = new lx.Codes(mu.data, size, labels.data), gaps = codes.gaps(), all = lx.floats(z);
          return Array.from({ length: all.length / size }, (_, i) => {
            const said = codes.ask(all.subarray(i * size, (i + 1) * size));
            return { ...said, support: lx.supportAt(gaps, said.distance) };
          });
        }""",
        [name, b64(z), mu.shape[1]],
    )
    library = Neighbours(mu, codes["labels"])
    support = library.support(z)
    for i, said in enumerate(answer):
        near, votes = library.ask(z[i])
        assert [n["distance"] for n in said["nearest"]] == pytest.approx(
            [n["distance"] for n in near], abs=1e-5
        )
        assert [n["index"] for n in said["nearest"]] == [n["index"] for n in near]
        assert {k: v for k, v in said["label_votes"].items()} == pytest.approx(votes, abs=1e-4)
        assert said["support"] == pytest.approx(support[i], abs=1e-3)


def test_the_browser_reads_a_umap_both_ways_as_the_library_does(bench):
    rng = np.random.default_rng(2)
    codes, places = (
        rng.standard_normal((400, 7)).astype(np.float32),
        rng.standard_normal((400, 2)).astype(np.float32),
    )
    chart = UmapChart("umap", codes, places)
    uv = np.concatenate([rng.standard_normal((10, 2)), places[:3]]).astype(np.float32)
    z = np.concatenate([rng.standard_normal((10, 7)), codes[:3]]).astype(np.float32)
    there, back = bench.evaluate(
        """([codes, places, uv, z]) => {
          const mu = lx.floats(codes), at = lx.floats(places), spots = lx.floats(uv), latents = lx.floats(z);
          const byPlace = new lx.Codes(at, 2, null), byCode = new lx.Codes(mu, 7, null);
          return [Array.from({ length: 13 }, (_, i) => Array.from(lx.carry(byPlace, mu, 7, spots.subarray(2 * i, 2 * i + 2)))),
            Array.from({ length: 13 }, (_, i) => Array.from(lx.carry(byCode, at, 2, latents.subarray(7 * i, 7 * i + 7))))];
        }""",
        [b64(codes), b64(places), b64(uv), b64(z)],
    )
    assert np.array(there) == pytest.approx(chart.to_latent(uv), abs=1e-5)
    assert np.array(back) == pytest.approx(chart.to_plane(z), abs=1e-5)


def test_only_weights_codes_and_charts_of_listed_models_can_be_read(bench, app):
    ask = "path => fetch(path).then((r) => r.status)"
    name = NAMES[0]
    for file in ("model", "codes", "charts"):
        assert bench.evaluate(ask, f"lx/models/{name}/{file}.safetensors") == 200
    for path in (
        f"{name}/config.json",
        f"{name}/training_state.safetensors",
        f"{name}",
        "",
        f"{name}/../{name}/config.json",
        f"{name}%2F..%2F{name}%2Fconfig.json",
        "..%2Fapp.py/model.safetensors",
        "..%2F..%2Fetc%2Fpasswd",
        "none/model.safetensors",
    ):
        assert bench.evaluate(ask, "lx/models/" + path) in (403, 404, 405), path
    assert bench.evaluate(ask, "lx/images/none") == 404
    assert bench.evaluate(ask, "lx/images/..%2F..%2Fapp.py") == 404


def test_a_file_that_did_not_change_is_not_sent_again(app):
    import urllib.error
    import urllib.request

    url = f"{app.url}lx/models/{NAMES[0]}/codes.safetensors"
    with urllib.request.urlopen(url) as reply:
        etag = reply.headers["etag"]
        assert reply.headers["cache-control"] == "no-cache"
    with pytest.raises(urllib.error.HTTPError) as answer:
        urllib.request.urlopen(urllib.request.Request(url, headers={"If-None-Match": etag}))
    answer.value.close()
    assert answer.value.code == 304


def test_the_test_images_come_byte_for_byte_in_one_answer(bench):
    needs_images("mnist")
    images = load_split("mnist", "test", ROOT / "data", download=False).images
    size, part = bench.evaluate(
        "fetch('lx/images/mnist').then((r) => r.arrayBuffer()).then((b) => [b.byteLength, Array.from(new Uint8Array(b, 784 * 4321, 784))])"
    )
    assert size == images.size
    assert part == images[4321].ravel().tolist()
