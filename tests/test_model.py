"""The VAE: shapes at odd sizes, what it refuses, and that its chance is an argument."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from vae.config import LIKELIHOODS, ModelConfig
from vae.errors import InputError
from vae.model import AE_LOGVAR, VAE

SHAPES = [(1, 28, 28), (3, 32, 32), (1, 17, 23), (1, 8, 8), (3, 5, 4)]
NETS = {
    "mlp": {"hidden": (12, 12, 7), "residual": True},
    "conv": {"architecture": "conv", "hidden": (3, 4, 9)},
    "conv3": {"architecture": "conv3", "hidden": (3, 4, 9)},
}


def images(*shape: int) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("conditional", [False, True])
@pytest.mark.parametrize("latent_dim", [2, 5, 256])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("net", NETS)
def test_every_net_takes_every_image_shape_and_size_of_z(net, shape, latent_dim, conditional):
    vae = VAE(ModelConfig(latent_dim=latent_dim, image_shape=shape, conditional=conditional, **NETS[net]))
    x, label = images(4, *shape), torch.tensor([0, 1, 2, 9]) if conditional else None
    logits, mu, logvar, z = vae(x, label, generator=torch.Generator().manual_seed(0))
    assert logits.shape == x.shape and mu.shape == logvar.shape == z.shape == (4, latent_dim)
    x_recon = vae.decode(z, label)
    assert x_recon.shape == x.shape and 0 <= x_recon.min() and x_recon.max() <= 1
    torch.testing.assert_close(x_recon, torch.sigmoid(logits))
    logits.sum().backward()
    assert all(
        p.grad is not None for name, p in vae.named_parameters() if not name.startswith("encoder.logvar")
    )


@pytest.mark.parametrize("net", NETS)
def test_decoded_images_stay_in_the_unit_interval_far_out(net):
    vae = VAE(ModelConfig(image_shape=(1, 8, 8), **NETS[net]))
    far = vae.decode(torch.tensor([[1e6, -1e6], [0.0, 1e30]]))
    assert torch.isfinite(far).all() and 0 <= far.min() and far.max() <= 1


def test_an_mlp_is_the_chain_of_matrix_products_it_says_it_is():
    vae = VAE(
        ModelConfig(latent_dim=3, image_shape=(1, 4, 5), hidden=(6, 6, 4), residual=True),
        torch.Generator().manual_seed(3),
    )
    w = {k: v.detach().numpy().astype(np.float64) for k, v in vae.state_dict().items()}
    x = images(7, 1, 4, 5)

    def affine(h, name):
        return h @ w[f"{name}.weight"].T + w[f"{name}.bias"]

    h = np.maximum(affine(x.numpy().reshape(7, 20), "encoder.body.layers.0"), 0)
    h = h + np.maximum(affine(h, "encoder.body.layers.1"), 0)  # as wide as its input: adds to it
    h = np.maximum(affine(h, "encoder.body.layers.2"), 0)
    mu, logvar = vae.encode(x)
    np.testing.assert_allclose(mu.detach().numpy(), affine(h, "encoder.mu"), atol=1e-5)
    np.testing.assert_allclose(logvar.detach().numpy(), affine(h, "encoder.logvar"), atol=1e-5)
    h = np.maximum(affine(mu.detach().numpy(), "decoder.body.layers.0"), 0)
    h = np.maximum(affine(h, "decoder.body.layers.1"), 0)
    h = h + np.maximum(affine(h, "decoder.body.layers.2"), 0)
    expected = 1 / (1 + np.exp(-affine(h, "decoder.out")))
    np.testing.assert_allclose(vae.decode(mu).detach().numpy().reshape(7, 20), expected, atol=1e-5)


def test_the_tutorial_net_has_the_parameters_of_its_paper_arithmetic():
    vae = VAE(ModelConfig(latent_dim=20, hidden=(400,)))
    expected = (784 * 400 + 400) + 2 * (400 * 20 + 20) + (20 * 400 + 400) + (400 * 784 + 784)
    assert sum(p.numel() for p in vae.parameters()) == expected == 652_824  # PyTorch's examples/vae


def test_the_conv3_net_has_the_parameters_of_its_tutorial():
    vae = VAE(ModelConfig(latent_dim=2, architecture="conv3", hidden=(16, 32, 32)))
    assert sum(p.numel() for p in vae.parameters()) == 76_181


@pytest.mark.parametrize(("shape", "grid"), [((1, 28, 28), (7, 7)), ((3, 17, 23), (5, 6))], ids=str)
def test_a_conv3_decoder_is_the_chain_of_pytorchs_own_layers(shape, grid):
    config = ModelConfig(latent_dim=3, image_shape=shape, architecture="conv3", hidden=(5, 6, 9))
    vae = VAE(config, torch.Generator().manual_seed(4))
    up = {"stride": 2, "padding": 1, "output_padding": 1}
    chain = torch.nn.Sequential(
        torch.nn.Linear(3, 6 * math.prod(grid)),
        torch.nn.ReLU(),
        torch.nn.Unflatten(1, (6, *grid)),
        torch.nn.ConvTranspose2d(6, 6, 3, **up),
        torch.nn.ReLU(),
        torch.nn.ConvTranspose2d(6, 5, 3, **up),
        torch.nn.ReLU(),
        torch.nn.Conv2d(5, shape[0], 3, padding=1),
        torch.nn.Sigmoid(),
    )
    theirs, ours = chain.state_dict(), vae.decoder.state_dict()
    layers = {"0": "body.layers.0", "3": "conv.0", "5": "conv.1", "7": "out"}
    chain.load_state_dict({name: ours[f"{layers[name[0]]}{name[1:]}"] for name in theirs})
    z = torch.randn(4, 3, generator=torch.Generator().manual_seed(5))
    torch.testing.assert_close(vae.decode(z), chain(z)[..., : shape[1], : shape[2]])


def test_noise_is_standard_normal_and_scaled_by_the_square_root_of_the_variance():
    from scipy.stats import kstest, norm

    vae = VAE(ModelConfig(latent_dim=2, image_shape=(1, 8, 8), hidden=(4,)))
    mu, logvar = torch.full((20_000, 2), 3.0), torch.tensor([[0.0, 2 * math.log(0.5)]]).expand(20_000, 2)
    z = vae.reparameterize(mu, logvar, generator=torch.Generator().manual_seed(0)).numpy()
    assert kstest(z[:, 0], norm(3, 1).cdf).pvalue > 0.01
    assert kstest(z[:, 1], norm(3, 0.5).cdf).pvalue > 0.01
    eps = torch.randn(5, 2, generator=torch.Generator().manual_seed(2))
    torch.testing.assert_close(
        vae.reparameterize(mu[:5], logvar[:5], eps), 3 + torch.tensor([1.0, 0.5]) * eps
    )


def test_the_gradient_reaches_mean_and_variance_through_the_draw():
    vae = VAE(ModelConfig(latent_dim=3, image_shape=(1, 8, 8), hidden=(4,)))
    draw = torch.Generator().manual_seed(0)
    mu, logvar, eps = (torch.randn(4, 3, dtype=torch.float64, generator=draw) for _ in range(3))
    assert torch.autograd.gradcheck(
        lambda m, v: vae.reparameterize(m, v, eps), (mu.requires_grad_(), logvar.requires_grad_())
    )


def test_encode_is_never_a_sample(digits):
    vae = VAE(ModelConfig(image_shape=(1, 8, 8), hidden=(16,)))
    x = torch.tensor(digits[1].images[:9]).float() / 255
    (mu, logvar), (again, again_logvar) = vae.encode(x), vae.encode(x)
    assert torch.equal(mu, again) and torch.equal(logvar, again_logvar)


def test_a_plain_autoencoder_answers_a_point():
    vae = VAE(ModelConfig(image_shape=(1, 8, 8), hidden=(16,), variational=False))
    logits, mu, logvar, z = vae(images(3, 1, 8, 8))
    assert torch.equal(z, mu) and (logvar == AE_LOGVAR).all() and AE_LOGVAR == -20
    assert not [name for name in vae.state_dict() if "logvar" in name]


def test_a_conditional_model_hears_its_label_on_both_sides():
    vae = VAE(ModelConfig(image_shape=(1, 8, 8), hidden=(16,), conditional=True))
    x, z = images(1, 1, 8, 8).expand(10, -1, -1, -1), torch.zeros(10, 2)
    labels = torch.arange(10)
    assert (
        len(torch.unique(vae.encode(x, labels)[0], dim=0))
        == len(torch.unique(vae.decode(z, labels).flatten(1), dim=0))
        == 10
    )


@pytest.mark.parametrize("likelihood", LIKELIHOODS)
def test_only_the_learned_variance_adds_a_weight(likelihood):
    names = set(VAE(ModelConfig(likelihood=likelihood)).state_dict())
    assert ("decoder.log_variance" in names) == (likelihood == "gaussian-learned")
    assert all(name.startswith(("encoder.", "decoder.")) for name in names)


def test_wrong_shapes_and_labels_are_refused_by_name():
    plain, conditional = (
        VAE(ModelConfig(image_shape=(1, 8, 8), hidden=(4,), conditional=c)) for c in (False, True)
    )
    x, z, label = images(3, 1, 8, 8), torch.zeros(3, 2), torch.tensor([1, 2, 3])
    for bad in (images(3, 1, 28, 28), images(1, 8, 8), images(3, 64)):
        with pytest.raises(InputError, match=r"^x has shape .* takes \(B, 1, 8, 8\)"):
            plain.encode(bad)
    for bad in (torch.zeros(3, 3), torch.zeros(2), torch.zeros(1, 3, 2)):
        with pytest.raises(InputError, match=r"^z has shape .* takes \(B, 2\)"):
            plain.decode(bad)
    for call in (lambda: plain.encode(x, label), lambda: plain.decode(z, label)):
        with pytest.raises(InputError, match="label was given"):
            call()
    for call in (lambda: conditional.encode(x), lambda: conditional.decode(z)):
        with pytest.raises(InputError, match="label is missing"):
            call()
    for bad in (label[:2], label[None], label.float()):
        with pytest.raises(InputError, match="label has shape"):
            conditional.decode(z, bad)


@pytest.mark.parametrize("net", NETS)
def test_building_draws_from_its_own_generator_alone(net):
    torch_before, numpy_before = torch.random.get_rng_state(), np.random.get_state()[1].copy()  # type: ignore[index]
    config = ModelConfig(image_shape=(1, 8, 8), **NETS[net])
    first, same, other = (VAE(config, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    first(images(2, 1, 8, 8), generator=torch.Generator().manual_seed(0))
    assert torch.equal(torch.random.get_rng_state(), torch_before)
    assert np.array_equal(np.random.get_state()[1], numpy_before)  # type: ignore[index]
    for name, value in first.state_dict().items():
        assert torch.equal(value, same.state_dict()[name])
        assert not torch.equal(value, other.state_dict()[name]) or value.ndim == 0


@pytest.mark.parametrize("net", NETS)
def test_new_weights_lie_within_one_over_the_root_of_the_fan_in_as_in_pytorch(net):
    vae = VAE(
        ModelConfig(
            image_shape=(1, 28, 28), hidden=(64, 32, 32) if net == "mlp" else (16, 32, 32), architecture=net
        )
    )
    for module in vae.modules():
        if isinstance(module, (torch.nn.Linear, torch.nn.Conv2d, torch.nn.ConvTranspose2d)):
            # the largest absolute value of PyTorch's own initialisation of the same layer, whose bound is the same
            with torch.random.fork_rng():
                module_like = getattr(torch.nn, type(module).__name__)(*_arguments(module))
            for ours, theirs in ((module.weight, module_like.weight), (module.bias, module_like.bias)):
                if ours.numel() > 500:
                    assert ours.abs().max().item() == pytest.approx(theirs.abs().max().item(), rel=0.02)
                    assert ours.std().item() == pytest.approx(theirs.std().item(), rel=0.1)


def test_hidden_layers_can_be_begun_as_pytorchs_kaiming_uniform():
    vae = VAE(ModelConfig(hidden=(300, 200)))
    vae.initialize(torch.Generator().manual_seed(1), he=True)
    for layer in (*vae.encoder.body.layers, *vae.decoder.body.layers):
        theirs = torch.nn.init.kaiming_uniform_(
            torch.empty_like(layer.weight), nonlinearity="relu", generator=torch.Generator().manual_seed(2)
        )
        if layer.weight.numel() > 500:
            assert layer.weight.abs().max().item() == pytest.approx(theirs.abs().max().item(), rel=0.02)
            assert layer.weight.std().item() == pytest.approx(theirs.std().item(), rel=0.1)
        assert not layer.bias.any()
    # the ends stay as they are: mu and logits begin small
    assert vae.encoder.mu.weight.abs().max() <= 200**-0.5


def _arguments(module) -> tuple:
    if isinstance(module, torch.nn.Linear):
        return module.in_features, module.out_features
    return module.in_channels, module.out_channels, module.kernel_size, module.stride, module.padding


@pytest.mark.parametrize("label", [10, -1, 255])
def test_a_conditional_model_refuses_a_label_that_it_does_not_know(label):
    config = ModelConfig(image_shape=(1, 8, 8), hidden=(16,), conditional=True)
    model, labels = VAE(config), torch.tensor([0, label, 9])
    for ask in (
        lambda: model.encode(torch.zeros(3, 1, 8, 8), labels),
        lambda: model.decode(torch.zeros(3, 2), labels),
        lambda: model.eval().decode_logits(torch.zeros(3, 2), labels),
    ):
        with pytest.raises(InputError, match=f"label holds {label}; .* labels from 0 to 9"):
            ask()
    assert model.decode(torch.zeros(2, 2), torch.tensor([0, 9])).shape == (2, 1, 8, 8)
    assert model.decode(torch.zeros(0, 2), torch.zeros(0, dtype=torch.int64)).shape == (0, 1, 8, 8)
