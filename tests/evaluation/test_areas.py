import numpy as np
import pytest

from cleartract.errors import UsageError
from cleartract.evaluation.areas import Region, air_area, read_regions

PIXEL = 2.0  # [mm]
SQUARE = Region("all", ((10.0, 10.0), (110.0, 10.0), (110.0, 110.0), (10.0, 110.0)))


def holes(radii, blur=0.5, centre=(60.0, 60.0)):
    """Tissue with a round hole [mm] in each frame."""
    y, x = np.mgrid[:60, :60] * PIXEL
    away = np.hypot(x - centre[0], y - centre[1])
    return np.stack([1 / (1 + np.exp((r - away) / (blur * PIXEL))) for r in radii])


def test_the_area_is_that_of_the_air_whatever_the_scale():
    radii = np.linspace(14, 20, 8)
    frames = holes(radii)
    found = air_area(frames, SQUARE, PIXEL)
    np.testing.assert_allclose(found, np.pi * radii**2, rtol=0.03)
    np.testing.assert_allclose(air_area(400 * frames + 30, SQUARE, PIXEL), found, rtol=1e-5)
    np.testing.assert_allclose(air_area(holes(radii, 1.0), SQUARE, PIXEL), found, rtol=0.06)


def test_parts_add_up_and_what_lies_outside_does_not_count():
    frames = holes([14, 17, 20])
    left = Region("left", ((10.0, 10.0), (60.0, 10.0), (60.0, 110.0), (10.0, 110.0)))
    right = Region("right", ((60.0, 110.0), (110.0, 110.0), (110.0, 10.0), (60.0, 10.0)))
    whole = air_area(frames, SQUARE, PIXEL)
    parts = [air_area(frames, side, PIXEL) for side in (left, right)]
    np.testing.assert_allclose(parts[0], parts[1], rtol=0.02)
    np.testing.assert_allclose(sum(parts), whole, rtol=0.02)
    far = holes([14, 17, 20]) * holes([25], centre=(60.0, 150.0))
    np.testing.assert_allclose(air_area(far, SQUARE, PIXEL), whole, rtol=0.05)


def test_tissue_alone_has_no_area():
    noise = np.random.default_rng(0).normal(1, 0.05, (20, 60, 60))
    noise[:, :4, :4] = 0
    assert np.isnan(air_area(noise, SQUARE, PIXEL)).all()


def test_corners_decide_the_area_and_the_inside():
    triangle = Region("t", ((0.0, 0.0), (10.0, 0.0), (0.0, 10.0)))
    assert triangle.area == 50
    points = np.random.default_rng(0).uniform(0, 10, (2, 2000))
    np.testing.assert_array_equal(triangle.inside(*points), points.sum(0) < 10)


@pytest.mark.parametrize(
    "text", ["[", "{}", "[1]", '{"a": [[1, 2], [3, 4]]}', '{"a": 5}', '{"a": [[1,2],[1,2],[1,2]]}']
)
def test_what_is_no_region_is_refused(tmp_path, text):
    path = tmp_path / "r.json"
    path.write_text(text)
    with pytest.raises(UsageError, match=r"r\.json"):
        read_regions(path)
