"""Stretch against areas known in closed form and against torch's own derivatives."""

import numpy as np
import pytest
import torch
from torch.func import jvp

from vae.config import ModelConfig
from vae.model import VAE
from vae.space.latent import stretch

PLANE = np.eye(2)


def test_a_linear_map_stretches_by_the_area_of_its_columns():
    matrix = np.random.default_rng(0).standard_normal((30, 2))
    area = np.prod(np.linalg.svd(matrix, compute_uv=False))
    assert stretch(
        lambda z: z @ matrix.T, np.random.default_rng(1).standard_normal((5, 2)), PLANE
    ) == pytest.approx(np.log(area), abs=1e-4)


def test_polar_coordinates_stretch_by_their_radius():
    z = np.array([[0.5, 0.0], [1.0, 2.0], [3.0, -1.0]])

    def polar(at):
        at = at.astype(np.float64)
        return np.stack([at[:, 0] * np.cos(at[:, 1]), at[:, 0] * np.sin(at[:, 1])], 1)

    assert stretch(polar, z, PLANE) == pytest.approx(np.log(z[:, 0]), abs=1e-3)


def test_a_chart_that_is_no_axis_is_followed_along_its_own_directions():
    rng = np.random.default_rng(2)
    matrix, basis = rng.standard_normal((12, 6)), np.linalg.qr(rng.standard_normal((6, 2)))[0].T
    area = np.prod(np.linalg.svd(matrix @ basis.T, compute_uv=False))
    assert stretch(lambda z: z @ matrix.T, rng.standard_normal((4, 6)), basis) == pytest.approx(
        np.log(area), abs=1e-3
    )


def test_a_decoder_that_ignores_a_direction_has_no_area():
    assert (stretch(lambda z: z[:, :1] * np.ones(9), np.zeros((3, 2)), PLANE) < -100).all()


def test_a_networks_stretch_is_that_of_torchs_derivatives():
    model = VAE(
        ModelConfig(latent_dim=3, image_shape=(1, 8, 8), hidden=(32, 32), residual=True),
        generator=torch.Generator().manual_seed(0),
    ).double()
    z, basis = (
        torch.randn(6, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1)),
        torch.eye(3, dtype=torch.float64)[:2],
    )
    truth = []
    for place in z:
        columns = torch.stack(
            [
                jvp(lambda at: model.decode(at[None]).flatten(), (place,), (direction,))[1]
                for direction in basis
            ]
        )
        truth.append(0.5 * torch.logdet(columns @ columns.T).item())

    def decode(at):
        with torch.inference_mode():
            return model.decode(torch.from_numpy(at).double()).numpy()

    assert stretch(decode, z.numpy(), basis.numpy(), step=1e-3) == pytest.approx(truth, abs=5e-2)
