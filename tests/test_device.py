"""The device and precision of a training: what is asked for, what is there, and what pays."""

import pytest
import torch

from vae.config import ModelConfig
from vae.device import pick_device, pick_precision
from vae.errors import TrainingError


def test_a_device_is_auto_cpu_or_cuda(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert pick_device("cpu") == pick_device("auto") == torch.device("cpu")
    with pytest.raises(TrainingError, match="device is 'tpu'; it must be auto, cpu or cuda"):
        pick_device("tpu")
    with pytest.raises(TrainingError, match="no CUDA device here; use --device cpu or auto"):
        pick_device("cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert pick_device("cuda") == pick_device("auto") == torch.device("cuda") and pick_device(
        "cpu"
    ) == torch.device("cpu")


@pytest.mark.parametrize("architecture", ["conv", "conv3"])
def test_narrow_nets_stay_in_float32_and_convolutions_do_not(monkeypatch, architecture):
    monkeypatch.setattr("vae.device.bfloat16_pays", lambda kind: True)
    cpu = torch.device("cpu")
    assert pick_precision(ModelConfig(hidden=(400,)), cpu) == "bfloat16"
    assert pick_precision(ModelConfig(hidden=(64,)), cpu) == "float32"
    convolutional = ModelConfig(architecture=architecture, hidden=(16, 32, 32))
    assert pick_precision(convolutional, cpu) == "bfloat16"
    assert pick_precision(convolutional.replace(image_shape=(1, 8, 8)), cpu) == "float32"
    monkeypatch.setattr("vae.device.bfloat16_pays", lambda kind: False)
    assert pick_precision(ModelConfig(hidden=(400,)), cpu) == "float32"
