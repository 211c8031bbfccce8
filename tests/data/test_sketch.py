"""A drawing is made into an image the way the data set's own were: what MNIST blown up says must come back as MNIST."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import center_of_mass

from vae.data.sketch import sketch
from vae.errors import InputError

MNIST = (1, 28, 28)


def stroke(
    height: int = 400, width: int = 400, box: tuple[int, int, int, int] = (100, 150, 260, 190)
) -> np.ndarray:
    """A filled rectangle (top, left, bottom, right), bright on dark."""
    image = np.zeros((height, width), np.float32)
    top, left, bottom, right = box
    image[top:bottom, left:right] = 1
    return image


def test_a_drawing_fits_mnists_twenty_pixels_with_its_centre_of_mass_in_the_middle():
    x = sketch(stroke(), "mnist", MNIST)
    assert x.shape == MNIST and x.dtype == np.float32 and (x.min(), x.max()) == (0, 1)
    rows, columns = np.flatnonzero(x[0].any(1)), np.flatnonzero(x[0].any(0))
    # 160 x 40 pixels keep their shape; between pixels they touch one more
    assert len(rows) in (20, 21) and 5 <= len(columns) <= 6
    np.testing.assert_allclose(x[0].sum(0).max(), 20, atol=0.05)
    np.testing.assert_allclose(center_of_mass(x[0]), (14, 14), atol=0.07)  # where MNIST's digits have theirs


@pytest.mark.parametrize(
    ("dataset", "shape", "side"),
    [
        ("fashion-mnist", (1, 28, 28), 28),
        ("digits", (1, 8, 8), 8),
        ("kmnist", (1, 28, 28), 26),
        ("own", (1, 56, 56), 40),
    ],
)
def test_other_data_sets_fill_their_own_box(dataset, shape, side):
    x = sketch(stroke(), dataset, shape)
    assert x.shape == shape
    assert len(np.flatnonzero(x[0].any(1))) == side


@pytest.mark.parametrize("place", [(0, 0), (240, 360), (5, 200)])
@pytest.mark.parametrize("size", [(160, 40), (80, 20)])
def test_where_and_how_large_it_was_drawn_does_not_matter(place, size):
    top, left = place
    x = sketch(stroke(box=(top, left, top + size[0], left + size[1])), "mnist", MNIST)
    np.testing.assert_allclose(x, sketch(stroke(), "mnist", MNIST), atol=0.02)


def test_dark_ink_on_light_paper_is_the_same_drawing(mnist):
    drawing = (
        np.asarray(
            Image.fromarray(mnist[1].images[7, 0]).resize((300, 300), Image.Resampling.BICUBIC), np.float32
        )
        / 255
    )
    np.testing.assert_allclose(
        sketch(1 - drawing, "mnist", MNIST), sketch(drawing, "mnist", MNIST), atol=1e-5
    )
    grey_paper = 0.9 - 0.7 * drawing  # a photo: the paper is not white, the ink not black
    np.testing.assert_allclose(sketch(grey_paper, "mnist", MNIST), sketch(drawing, "mnist", MNIST), atol=0.05)


def test_an_mnist_digit_blown_up_comes_back_as_itself(mnist):
    errors = []
    for digit in mnist[1].images[:60, 0]:
        large = (
            np.asarray(Image.fromarray(digit).resize((400, 400), Image.Resampling.BICUBIC), np.float32) / 255
        )
        x = sketch(large, "mnist", MNIST)
        errors.append(np.abs(x[0] - digit / 255).mean())
    blind = np.abs(mnist[1].images[:60, 0] / 255 - mnist[1].images[:60, 0].mean(0) / 255).mean()
    assert np.mean(errors) < 0.03 and np.mean(errors) < blind / 4


def test_its_centre_of_mass_lies_where_mnists_own_digits_have_theirs(mnist):
    def centres(images):
        return np.array([center_of_mass(image) for image in images])

    originals = mnist[1].images[:60, 0].astype(float)
    drawn = [
        sketch(
            np.asarray(Image.fromarray(i.astype(np.uint8)).resize((280, 280)), np.float32) / 255,
            "mnist",
            MNIST,
        )[0]
        for i in originals
    ]
    assert np.abs(centres(drawn) - centres(originals)).max() < 1.1
    np.testing.assert_allclose(centres(drawn).mean(0), centres(originals).mean(0), atol=0.3)


def test_a_colour_photo_of_a_drawing_is_read_by_its_brightness():
    grey = 1 - stroke()
    photo = np.repeat(grey[..., None], 3, 2)
    np.testing.assert_allclose(sketch(photo, "mnist", MNIST), sketch(grey, "mnist", MNIST), atol=1e-5)


@pytest.mark.parametrize("level", [0.0, 0.3, 0.5, 0.7, 1.0])
@pytest.mark.parametrize("shape", [(50, 50), (1, 1), (50, 50, 3)])
def test_an_empty_drawing_is_refused(level, shape):
    with pytest.raises(InputError, match="image is empty"):
        sketch(np.full(shape, level), "mnist", MNIST)


@pytest.mark.parametrize(
    "shape",
    [
        (400, 400),
        (28, 28),
        (8, 8),
        (1024, 30),
        (30, 1024),
        (3, 3),
        (20, 1200),
        (9, 512),
        (5, 300),
        (1, 100),
        (500, 1),
    ],
)
def test_any_size_of_drawing_gives_an_image(shape):
    image = np.zeros(shape, np.float32)
    image[shape[0] // 2, shape[1] // 3] = 1
    for dataset, target in (("mnist", MNIST), ("digits", (1, 8, 8)), ("own", (1, 17, 23))):
        x = sketch(image, dataset, target)
        assert x.shape == target and np.isfinite(x).all() and 0 <= x.min() and x.max() <= 1 and x.max() > 0.5


def test_faint_dust_does_not_widen_the_box():
    dusty = stroke()
    dusty[5, 5] = 0.1
    np.testing.assert_allclose(sketch(dusty, "mnist", MNIST), sketch(stroke(), "mnist", MNIST), atol=0.02)


@pytest.mark.parametrize("shape", [(64, 100, 3), (100, 64, 3), (64, 64), (10, 10, 3)])
def test_colour_data_sets_take_the_middle_of_a_photo(shape):
    image = np.random.default_rng(0).random(shape).astype(np.float32)
    x = sketch(image, "own", (3, 32, 32))
    assert x.shape == (3, 32, 32) and x.dtype == np.float32 and 0 <= x.min() and x.max() <= 1
    assert x.mean() == pytest.approx(image.mean(), abs=0.05)


def test_a_colour_photo_keeps_its_colours_and_their_order():
    image = np.zeros((40, 80, 3), np.float32)
    image[:, :, 0], image[:, 40:, 2] = 1, 0.5
    x = sketch(image, "own", (3, 8, 8))
    np.testing.assert_allclose(x[0], 1, atol=0.01)
    np.testing.assert_allclose(x[1], 0, atol=0.01)
    np.testing.assert_allclose(x[2, :, [0, -1]], [[0] * 8, [0.5] * 8], atol=0.03)


@pytest.mark.parametrize("dataset", ["mnist", "fashion-mnist", "own"])
@pytest.mark.parametrize("ink", ["bright", "dark"])
def test_a_canvas_filled_to_nine_tenths_keeps_its_ink(dataset, ink):
    """Where the ink is known, its share of the canvas decides nothing."""
    canvas = np.ones((100, 100), np.float32)
    canvas[40:60, 30:80] = 0  # the only paper left
    x = sketch(canvas if ink == "bright" else 1 - canvas, dataset, MNIST, ink=ink)
    box = np.flatnonzero((x[0] > 0.5).any(1))
    field = x[0, box[0] : box[-1] + 1, box[0] : box[-1] + 1]
    assert field.mean() == pytest.approx(0.9, abs=0.06) and field[0].min() > 0.4


def test_a_dot_beside_a_stroke_counts_where_the_ink_is_known():
    canvas = stroke()
    canvas[20:28, 350:358] = 1
    columns = np.flatnonzero((sketch(canvas, "own", (1, 56, 56), ink="bright")[0] > 0.2).any(0))
    assert columns[-1] - columns[0] > 30  # as wide as stroke and dot together


@pytest.mark.parametrize("ink", ["bright", "dark", None])
def test_an_empty_canvas_is_refused_whatever_its_ink(ink):
    with pytest.raises(InputError, match="image is empty"):
        sketch(np.full((60, 60), float(ink == "dark")), "mnist", MNIST, ink=ink)


def test_an_unknown_ink_is_refused():
    with pytest.raises(InputError, match="ink is 'blue'; it must be bright, dark"):
        sketch(stroke(), "mnist", MNIST, ink="blue")


@pytest.mark.parametrize("ink", [0.0, 0.3, 1.0])
def test_a_transparent_picture_is_its_strokes_whatever_their_tone(ink):
    """Dark strokes lie on white paper; light ones, which white paper would hide, on black."""
    strokes = np.concatenate([np.full((400, 400, 3), ink, np.float32), stroke()[..., None]], 2)
    np.testing.assert_allclose(sketch(strokes, "mnist", MNIST), sketch(stroke(), "mnist", MNIST), atol=0.02)


@pytest.mark.parametrize("sheet", [0.0, 0.3, 0.6, 1.0, "uneven"])
def test_a_digit_cut_out_of_an_opaque_sheet_is_the_drawing(sheet):
    """Laid on the sheet's own tone, what is transparent would not be seen."""
    tone = np.linspace(0.6, 1, 400)[:, None, None] if sheet == "uneven" else sheet
    picture = np.concatenate([np.ones((400, 400, 3)) * tone, 1 - stroke()[..., None]], 2)
    np.testing.assert_allclose(sketch(picture, "mnist", MNIST), sketch(stroke(), "mnist", MNIST), atol=0.06)


def test_an_erased_part_of_a_sheet_with_ink_is_white_paper():
    picture = np.concatenate([np.repeat(1 - stroke()[..., None], 3, 2), np.ones((400, 400, 1))], 2)
    picture[300:380, 200:280, 3] = 0
    np.testing.assert_allclose(sketch(picture, "mnist", MNIST), sketch(stroke(), "mnist", MNIST), atol=0.02)


def test_transparent_corners_of_an_opaque_picture_are_white_paper():
    picture = np.concatenate(
        [np.repeat(1 - stroke()[..., None], 3, 2), np.ones((400, 400, 1), np.float32)], 2
    )
    picture[:20, :20], picture[-20:, -20:] = 0, 0
    np.testing.assert_allclose(sketch(picture, "mnist", MNIST), sketch(stroke(), "mnist", MNIST), atol=0.02)


def test_colour_data_sets_take_grey_and_transparent_pictures_too():
    grey = np.random.default_rng(0).random((32, 32)).astype(np.float32)
    x = sketch(grey[..., None], "own", (3, 32, 32))
    np.testing.assert_allclose(x, np.repeat(grey[None], 3, 0), atol=0.01)
    clear = np.zeros((32, 32, 4), np.float32)
    np.testing.assert_allclose(sketch(clear, "own", (3, 32, 32)), 1)


@pytest.mark.parametrize("shape", [(8,), (0, 8), (8, 8, 2), (8, 8, 5), (2, 8, 8, 1)])
def test_any_other_shape_is_refused_by_name(shape):
    with pytest.raises(
        InputError, match=r"image has shape \(.*\(H, W\), \(H, W, 1\), \(H, W, 3\) or \(H, W, 4\)"
    ):
        sketch(np.ones(shape), "mnist", MNIST)


@pytest.mark.parametrize("image", ["a.png", None, [[0, 1], [0]], [[None]], np.ones((4, 4), complex)])
def test_what_is_no_array_of_numbers_is_refused(image):
    with pytest.raises(InputError, match="image is no array of numbers"):
        sketch(image, "mnist", MNIST)


def test_an_image_of_bytes_is_refused_with_the_way_out():
    with pytest.raises(InputError, match=r"outside \[0, 1\].*divide an image of bytes by 255"):
        sketch(np.full((8, 8), 200, np.uint8), "mnist", MNIST)
