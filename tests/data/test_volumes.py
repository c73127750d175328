"""NIfTI volumes of a folder, whole, with masks at the same paths."""

import numpy as np
import pytest

from campare.data import Images
from campare.errors import DataError

nibabel = pytest.importorskip("nibabel")

SHAPE = (5, 6, 4)  # right, anterior, superior


def write(path, values):
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(nibabel.Nifti1Image(values, np.eye(4)), path)


@pytest.fixture
def scans(tmp_path):
    rng = np.random.default_rng(0)
    volumes = {}
    for name in ("ill/a.nii.gz", "well/b.nii"):
        volumes[name] = rng.integers(-100, 900, SHAPE).astype(np.int16)
        write(tmp_path / "scans" / name, volumes[name])
    mask = np.zeros(SHAPE, np.uint8)
    mask[1:3, 2:5, 3] = 1
    write(tmp_path / "masks" / "ill/a.nii.gz", mask)
    return tmp_path, volumes, mask


def upright(volume):
    """(right, anterior, superior) -> slices from below, anterior at the top, right at the right."""
    return np.moveaxis(volume.swapaxes(0, 1)[::-1], -1, 0)


def test_volumes_and_masks_lie_on_one_grid(scans):
    folder, volumes, mask = scans
    images = Images.from_nifti(folder / "scans", folder / "masks")
    assert images.names == ("ill/a.nii.gz", "well/b.nii")
    assert images.class_names == ("ill", "well")
    assert images.labels.tolist() == [0, 1]
    for found, volume in zip(images.images, volumes.values(), strict=True):
        np.testing.assert_array_equal(found[..., 0], upright(volume))
    np.testing.assert_array_equal(images.regions["object"][0], upright(mask) > 0)
    assert not images.regions["object"][1].any()


def test_other_sizes_are_resized_as_maps_are(scans):
    from campare.attribution.maps import resize

    folder, volumes, mask = scans
    images = Images.from_nifti(folder / "scans", folder / "masks", size=(8, 12, 10))
    for found, volume in zip(images.images, volumes.values(), strict=True):
        expected = resize(upright(volume).astype(np.float32), (8, 12, 10))
        np.testing.assert_allclose(found[..., 0], expected, atol=1e-3)
    share = resize(upright(mask).astype(np.float32), (8, 12, 10)) >= 0.5
    np.testing.assert_array_equal(images.regions["object"][0], share)


def test_what_does_not_fit_is_one_line(scans):
    folder, _, _ = scans
    write(folder / "scans" / "well/c.nii", np.zeros((3, 6, 4), np.int16))
    with pytest.raises(DataError, match=r"Try: size=\(4, 6, 5\)") as told:
        Images.from_nifti(folder / "scans")
    size = eval(str(told.value).partition("size=")[2].partition(", to")[0])
    assert len(Images.from_nifti(folder / "scans", size=size)) == 3
    with pytest.raises(DataError, match="at the paths of the volumes, got none"):
        Images.from_nifti(folder / "scans", folder / "scans/ill", size=size)
    write(folder / "masks" / "well/b.nii", np.ones((3, 6, 4), np.uint8))
    with pytest.raises(DataError, match=r"Expected a mask of shape \(4, 6, 5\)"):
        Images.from_nifti(folder / "scans", folder / "masks", size=size)
