"""The page's colours: told apart by every eye, read on both grounds."""

import numpy as np
import pytest

from vae.ui.web.assets import tokens

# Machado, Oliveira & Fernandes 2009, severity 1, on linear RGB
BLINDNESS = {
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
# Sharma, Wu & Dalal 2005, supplementary data: two Lab colours and their CIEDE2000 distance
PUBLISHED = [
    ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
    ((50, -1.3802, -84.2814), (50, 0, -82.7485), 1.0000),
    ((50, 2.5, 0), (50, 0, -2.5), 4.3065),
    ((50, 2.5, 0), (73, 25, -18), 27.1492),
    ((50, 2.5, 0), (58, 24, 15), 19.4535),
    ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
    ((22.7233, 20.0904, -46.6940), (23.0331, 14.9730, -42.5619), 2.0373),
    ((2.0776, 0.0795, -1.1350), (0.9033, -0.0636, -0.5514), 0.9082),
]


def linear(colour: str) -> np.ndarray:
    """#rrggbb as linear RGB."""
    c = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def lab(rgb: np.ndarray) -> np.ndarray:
    """Linear sRGB as CIE Lab under D65."""
    xyz = np.array(
        [
            [0.4124564, 0.3575761, 0.1804375],
            [0.2126729, 0.7151522, 0.0721750],
            [0.0193339, 0.1191920, 0.9503041],
        ]
    ) @ np.clip(rgb, 0, 1)
    t = xyz / np.array([0.95047, 1.0, 1.08883])
    f = np.where(t > (6 / 29) ** 3, np.cbrt(t), t / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def ciede2000(one, two) -> float:
    """The distance of two Lab colours (Sharma, Wu & Dalal 2005, equations 2 to 22)."""
    (l1, a1, b1), (l2, a2, b2) = one, two
    mean_c = (np.hypot(a1, b1) + np.hypot(a2, b2)) / 2
    g = 0.5 * (1 - np.sqrt(mean_c**7 / (mean_c**7 + 25**7)))
    a1, a2 = a1 * (1 + g), a2 * (1 + g)
    c1, c2 = np.hypot(a1, b1), np.hypot(a2, b2)
    h1, h2 = np.degrees(np.arctan2(b1, a1)) % 360, np.degrees(np.arctan2(b2, a2)) % 360
    dh = 0.0 if c1 * c2 == 0 else (h2 - h1 + 180) % 360 - 180
    big_h = 2 * np.sqrt(c1 * c2) * np.sin(np.radians(dh / 2))
    if c1 * c2 == 0:
        h = h1 + h2
    else:
        h = (
            (h1 + h2) / 2
            if abs(h1 - h2) <= 180
            else (h1 + h2 + 360) / 2
            if h1 + h2 < 360
            else (h1 + h2 - 360) / 2
        )
    cos = lambda degrees: np.cos(np.radians(degrees))  # noqa: E731
    t = 1 - 0.17 * cos(h - 30) + 0.24 * cos(2 * h) + 0.32 * cos(3 * h + 6) - 0.20 * cos(4 * h - 63)
    mean_l, mean_c = (l1 + l2) / 2, (c1 + c2) / 2
    s_l = 1 + 0.015 * (mean_l - 50) ** 2 / np.sqrt(20 + (mean_l - 50) ** 2)
    s_c, s_h = 1 + 0.045 * mean_c, 1 + 0.015 * mean_c * t
    r_t = (
        -np.sin(np.radians(60 * np.exp(-(((h - 275) / 25) ** 2))))
        * 2
        * np.sqrt(mean_c**7 / (mean_c**7 + 25**7))
    )
    parts = (l2 - l1) / s_l, (c2 - c1) / s_c, big_h / s_h
    return float(np.sqrt(sum(p * p for p in parts) + r_t * parts[1] * parts[2]))


def nearest_pair(colours) -> float:
    return min(ciede2000(a, b) for i, a in enumerate(colours) for b in colours[:i])


def contrast(one: str, two: str) -> float:
    """WCAG 2's contrast ratio."""
    low, high = sorted(float(np.dot([0.2126, 0.7152, 0.0722], linear(c))) for c in (one, two))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("one, two, distance", PUBLISHED)
def test_the_colour_distance_is_the_published_one(one, two, distance):
    assert ciede2000(one, two) == pytest.approx(distance, abs=1e-4)
    assert ciede2000(two, one) == pytest.approx(distance, abs=1e-4)


def test_no_two_classes_look_alike():
    assert nearest_pair([lab(linear(c)) for c in tokens()["classes"]]) >= 15


@pytest.mark.parametrize("kind", BLINDNESS)
def test_no_two_classes_look_alike_to_a_colour_blind_eye(kind):
    assert nearest_pair([lab(np.array(BLINDNESS[kind]) @ linear(c)) for c in tokens()["classes"]]) >= 10


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_every_class_stands_out_from_the_ground(mode):
    ground = lab(linear(tokens()[mode]["ground"]))
    assert min(ciede2000(lab(linear(c)), ground) for c in tokens()["classes"]) >= 20


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_every_text_colour_can_be_read_on_its_ground(mode):
    colours = tokens()[mode]
    for text in ("ink", "quiet", "accent", "warn"):
        assert contrast(colours[text], colours["ground"]) >= 4.5, text
    assert contrast(colours["on-accent"], colours["accent"]) >= 4.5
