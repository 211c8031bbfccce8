"""What an array means is checked where an `ImageSet` is made: another meaning is refused with the way to convert it, and the way works."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch

from vae.config import ModelConfig, TrainConfig
from vae.data.sets import ImageSet
from vae.errors import ConfigError, DataError
from vae.train import fit

NAMES = ("a", "b", "c")
BYTES = np.random.default_rng(0).integers(0, 256, (6, 1, 8, 8), dtype=np.uint8)
BYTES[0, 0, 0, :2] = 0, 255
LABELS = np.array([0, 1, 2, 0, 1, 2])
UNIT = BYTES / 255
COLOUR = np.repeat(BYTES, 3, 1)


def made(images=BYTES, labels=LABELS, class_names=NAMES) -> ImageSet:
    return ImageSet(images, labels, class_names)


def way_out(error: pytest.ExceptionInfo, **names) -> np.ndarray:
    """The expression that the sentence tells to hand over, carried out."""
    found = re.search(r"hand over (.+?)(?:, which .*| if each row is an image)?\.$", str(error.value))
    assert found, error.value
    return eval(found[1], {"numpy": np, **names})


def test_bytes_with_whole_labels_are_taken_as_they_are():
    data = made()
    assert data.images is BYTES and data.labels.dtype == np.int64 and len(data) == 6
    assert made(COLOUR).images.shape == (6, 3, 8, 8)
    for dtype in (np.uint8, np.int16, np.int32, ">i4", np.uint64):
        assert made(labels=LABELS.astype(dtype)).labels.tolist() == LABELS.tolist()
        assert made(labels=LABELS.astype(dtype)).checksum() == data.checksum()
    assert made(class_names=list(NAMES)).class_names == NAMES


def test_a_dark_set_passes_where_its_range_is_wide():
    dark = np.zeros_like(BYTES)
    dark[0, 0, 0, 0] = 64
    assert made(dark).images.max() == 64


def test_the_digits_of_scikit_learn_are_refused_on_their_own_scale_and_taken_on_ours(digits):
    from sklearn.datasets import load_digits

    raw, target = load_digits(return_X_y=True)
    raw = raw.reshape(-1, 1, 8, 8)
    for images in (raw.astype(np.uint8), raw):
        with pytest.raises(DataError, match=r"255 / 16") as error:
            made(images, target, tuple("0123456789"))
        assert set(np.unique(way_out(error, images=images))) == set(np.unique(digits[0].images))


def test_mirrored_images_can_be_trained_on():
    data = made(BYTES[:, :, :, ::-1])
    assert torch.tensor(data.images).flip(3).equal(torch.tensor(BYTES))


IMAGES = [
    ("floats in 0 to 1", UNIT.astype(np.float32), "float32 from 0 to 1", BYTES),
    ("doubles in 0 to 1", UNIT, "float64 from 0 to 1", BYTES),
    ("halves in 0 to 255", BYTES.astype(np.float16), "float16 from 0 to 255", BYTES),
    ("floats in -1 to 1", (UNIT * 2 - 1).astype(np.float32), "float32 from -1 to 1", BYTES),
    ("16 bits", BYTES.astype(np.uint16) * 257, "if they have 16 bits", BYTES),
    ("14 bits", BYTES.astype(np.int32) * 64 + 63, "if they have 14 bits", BYTES),
    ("12 bits", BYTES.astype(np.uint16) * 16, "uint16 from 0 to 4080", BYTES),
    ("12 bits, rounded up", BYTES.astype(np.uint16) * 16 + 15, "if they have 12 bits", BYTES),
    ("10 bits", BYTES.astype(np.int16) * 4, "if they have 10 bits", BYTES),
    ("bytes of 4 bits", BYTES // 17, "uint8 from 0 to 15, nearly black", BYTES // 17 * 17),
    ("bytes of 6 bits", BYTES // 4, "uint8 from 0 to 63, nearly black", np.rint(BYTES // 4 * (255 / 63))),
    ("bytes of 0 to 2", BYTES // 127, "uint8 from 0 to 2", np.rint(BYTES // 127 * 127.5)),
    ("floats of 0 to 16", UNIT * 16, "float64 from 0 to 16", BYTES),
    ("floats a little above 1", UNIT * 1.02, "float64 from 0 to 1.02", BYTES),
    ("a masked array", np.ma.masked_array(BYTES, BYTES > 200), "masked", np.where(BYTES > 200, 0, BYTES)),
    ("wide whole numbers", BYTES.astype(np.int64), "int64 from 0 to 255", BYTES),
    ("true and false", BYTES > 127, "values of the type bool", np.where(BYTES > 127, 255, 0)),
    ("bytes of 0 and 1", (BYTES > 127).astype(np.uint8), "only 0 and 1", np.where(BYTES > 127, 255, 0)),
    ("a tensor", torch.from_numpy(BYTES), "is a torch.Tensor, not a numpy array", BYTES),
    ("a list", BYTES.tolist(), "is a list, not a numpy array", BYTES),
    ("no channel", BYTES[:, 0], r"(6, 8, 8), not (N, C, H, W); one channel is one more dimension", BYTES),
    ("rows of pixels", BYTES.reshape(6, 64), "(6, 64), not (N, C, H, W)", BYTES),
    ("grey, channel last", BYTES.transpose(0, 2, 3, 1), "puts the channel before height and width", BYTES),
    ("colour, channel last", COLOUR.transpose(0, 2, 3, 1), "(6, 8, 8, 3), not (N, C, H, W)", COLOUR),
    ("transparency", np.repeat(BYTES, 4, 1), "leave the transparency out", COLOUR),
    ("transparency last", np.repeat(BYTES, 4, 1).transpose(0, 2, 3, 1), "leave the transparency out", COLOUR),
]


@pytest.mark.parametrize(
    ("images", "says", "meant"), [case[1:] for case in IMAGES], ids=[c[0] for c in IMAGES]
)
def test_images_of_another_kind_are_refused_and_the_way_out_makes_the_right_ones(images, says, meant):
    with pytest.raises(DataError, match=re.escape(says)) as error:
        made(images)
    converted = way_out(error, images=images)
    np.testing.assert_array_equal(np.asarray(converted, np.uint8), meant)


@pytest.mark.parametrize(
    ("images", "says"),
    [
        ((UNIT - 0.1307) / 0.3081, "undo the normalisation"),
        (BYTES.astype(np.int16) - 128, "int16 from -128 to 127.*undo the normalisation"),
        (np.where(UNIT > 0.5, np.nan, UNIT), "replace what is not finite first"),
        (UNIT + 1j, "decode them into numbers first"),
        (BYTES.astype(str), "decode them into numbers first"),
        (UNIT * 1e6, "scale them, such as .images / images.max"),
        (BYTES * 0, "holds 0 everywhere.*check how they were read"),
        (BYTES * 0 + 255, "holds 255 everywhere"),
        (UNIT * 0, "holds 0.0 everywhere"),
        (BYTES > 255, "holds False everywhere"),
        (UNIT * 300.5, "scale them, such as"),
        (BYTES[:0], "holds no image; a set needs one at least"),
        (np.zeros((6, 1, 0, 8), np.uint8), "holds no image"),
        (BYTES[0, 0, 0], "reshape.-1, channels, height, width"),
        (np.repeat(BYTES, 2, 1), "takes 1 or 3 channels and sides from 4 to 256"),
        (BYTES[:, :, :3], "sides from 4 to 256: scale or cut them"),
        (np.repeat(BYTES, 40, 3), r"\(6, 1, 8, 320\); .* sides from 4 to 256"),
        (None, "is a NoneType, not a numpy array"),
    ],
)
def test_images_that_cannot_be_meant_are_refused(images, says):
    with pytest.raises(DataError, match=says):
        made(images)


LABEL_CASES = [
    ("from 1", LABELS + 1, "run from 1 to 3, but 3 class names stand for 0 to 2"),
    ("floats", LABELS.astype(np.float32), "labels holds float32 from 0 to 2, not whole numbers"),
    ("a column", LABELS[:, None], "(6, 1), not (N,)"),
    ("a tensor", torch.from_numpy(LABELS), "labels is a torch.Tensor"),
    ("a list", LABELS.tolist(), "labels is a list"),
]


@pytest.mark.parametrize(("labels", "says"), [c[1:] for c in LABEL_CASES], ids=[c[0] for c in LABEL_CASES])
def test_labels_of_another_kind_are_refused_and_the_way_out_makes_the_right_ones(labels, says):
    with pytest.raises(DataError, match=re.escape(says)) as error:
        made(labels=labels)
    np.testing.assert_array_equal(way_out(error, labels=labels), LABELS)


@pytest.mark.parametrize(
    ("labels", "says"),
    [
        (np.eye(3)[LABELS], r"one-hot rows become labels by labels.argmax\(1\)"),
        (LABELS == 1, r"labels holds values of the type bool.*hand over labels.astype\(int\)"),
        (np.where(LABELS > 1, np.nan, LABELS), r"leave out the images .*known = numpy.isfinite\(labels\)"),
        (LABELS + 0.5, "labels holds float64 from 0.5 to 2.5, not whole numbers; number the values"),
        (np.ma.masked_array(LABELS, LABELS > 1), "labels is a masked array.*leave the masked ones out"),
        (np.array(list("abcabc")), "number them: class_names, labels = numpy.unique"),
        (LABELS - 1, "labels run from -1 to 1.*number them"),
        (LABELS * 5, "labels run from 0 to 10.*give every label a name"),
        (LABELS[:5], "labels holds 5 labels, but images holds 6 images"),
        (np.zeros((6, 2, 2), int), r"\(6, 2, 2\), not \(N,\)"),
        (np.array(3), r"has the shape \(\), not \(N,\)"),
    ],
)
def test_labels_that_cannot_be_meant_are_refused(labels, says):
    with pytest.raises(DataError, match=says):
        made(labels=labels)


@pytest.mark.parametrize(
    "names", ["abc", (), 3, None, (1, 2, 3), ("a", "b", "b"), tuple(map(str, range(257)))]
)
def test_class_names_are_texts_each_of_its_own(names):
    with pytest.raises(DataError, match="class_names"):
        made(class_names=names)


# ---- what a training is handed -------------------------------------------------------------------------------------

MODEL = ModelConfig(latent_dim=2, image_shape=(1, 8, 8), hidden=(8,), num_classes=3)


@pytest.mark.parametrize(
    ("model", "train", "test", "says"),
    [
        (
            {},
            made(COLOUR),
            made(),
            r"train_set holds images of \(3, 8, 8\), .* ModelConfig\(image_shape=\(3, 8, 8\)\)",
        ),
        ({}, made(), made(COLOUR), "test_set holds images of"),
        ({"num_classes": 2}, made(), made(), r"train_set has 3 classes, .* ModelConfig\(num_classes=3\)"),
        ({}, made(), made(class_names=("a", "c", "b")), "a label must mean the same in both"),
        ({}, (BYTES, LABELS), made(), "train_set is a tuple; it must be an ImageSet"),
        ({}, made(), BYTES, "test_set is a ndarray; it must be an ImageSet"),
    ],
)
def test_sets_that_do_not_fit_the_model_or_each_other_are_refused(model, train, test, says):
    with pytest.raises(DataError, match=says):
        next(fit(MODEL.replace(**model), TrainConfig(epochs=1), train, test))


def test_a_plain_autoencoder_has_no_total_correlation_to_weigh():
    with pytest.raises(ConfigError, match="objective is 'tc', .* has no KL; leave the objective out"):
        next(fit(MODEL.replace(variational=False), TrainConfig(epochs=1, objective="tc"), made(), made()))


@pytest.mark.parametrize("conditional", [False, True])
def test_own_arrays_train_whatever_the_width_of_their_labels(conditional):
    data = made(labels=LABELS.astype(np.uint8))
    (record,) = fit(MODEL.replace(conditional=conditional), TrainConfig(epochs=1, batch_size=2), data, data)
    assert 0 < record.test_recon < 1000
