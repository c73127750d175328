"""Pixels of DICOM, NIfTI, 16-bit PNG and HEIC: by a window, right to the last bit."""

from pathlib import Path

import numpy as np
import pytest
from foreign import save
from PIL import Image

from campare.data import ImageSet
from campare.data.formats import pictures
from campare.data.formats.pictures import (
    Window,
    read_mask_slices,
    read_picture,
    read_size,
    read_window,
    slices_of,
)
from campare.errors import DataError, MissingExtraError

RAMP = np.arange(0, 4096, 64, dtype=np.uint16).reshape(8, 8)


def dicom(path: Path, values: np.ndarray, **tags) -> None:
    """Write a CT slice: slope 2, intercept -1024, unless tags say otherwise."""
    pydicom = pytest.importorskip("pydicom")
    file = pydicom.Dataset()
    file.SOPClassUID = pydicom.uid.CTImageStorage
    file.SOPInstanceUID = pydicom.uid.generate_uid()
    file.Rows, file.Columns = values.shape[-2:]
    if values.ndim == 3:
        file.NumberOfFrames = len(values)
    file.SamplesPerPixel, file.PhotometricInterpretation = 1, "MONOCHROME2"
    file.BitsAllocated, file.BitsStored, file.HighBit, file.PixelRepresentation = 16, 12, 11, 0
    file.RescaleSlope, file.RescaleIntercept = 2, -1024
    file.PixelData = values.astype("<u2").tobytes()
    for name, value in tags.items():
        setattr(file, name, value)
    file.file_meta = pydicom.dataset.FileMetaDataset()
    file.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    file.file_meta.MediaStorageSOPClassUID = file.SOPClassUID
    file.file_meta.MediaStorageSOPInstanceUID = file.SOPInstanceUID
    path.parent.mkdir(parents=True, exist_ok=True)
    file.save_as(path, enforce_file_format=True)


def nifti(path: Path, volume: np.ndarray) -> None:
    nibabel = pytest.importorskip("nibabel")
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(nibabel.Nifti1Image(volume, np.eye(4)), path)


def error_of(function, *arguments, **options) -> str:
    with pytest.raises(DataError) as caught:
        function(*arguments, **options)
    return str(caught.value)


def test_12_bits_in_a_png_of_16_bits(tmp_path: Path):
    path = tmp_path / "a.png"
    save(RAMP, path)
    found = read_picture(path, read_window("0..4095")).image
    expected = np.rint(RAMP / 4095 * 255)
    np.testing.assert_array_equal(found, np.repeat(expected[..., None], 3, -1))
    narrow = read_picture(path, Window(1000, 2000)).image[..., 0]
    assert (narrow[RAMP <= 1000] == 0).all()
    assert (narrow[RAMP >= 2000] == 255).all()
    assert narrow.flat[list(RAMP.flat).index(1472)] == round(0.472 * 255)


def test_wide_pixels_without_a_window_are_refused_and_the_advice_works(tmp_path: Path):
    path = tmp_path / "a.png"
    save(RAMP, path)
    message = error_of(read_picture, path)
    assert "values are from 0 to 4032, got none. Try --window 0..4095" in message
    assert read_picture(path, read_window("0..4095")).image.max() == 251
    Image.fromarray(np.linspace(-1, 1, 16, dtype=np.float32).reshape(4, 4)).save(tmp_path / "a.tif")
    assert "Try --window -1..1 (LOW..HIGH)" in error_of(read_picture, tmp_path / "a.tif")


@pytest.mark.parametrize("text", ["soft tissue", "1..1", "4095..0", "40", "40,400,1"])
def test_what_is_no_window(text: str):
    assert "Expected a window as LOW..HIGH or CENTER,WIDTH" in error_of(read_window, text)


def test_dicom_in_its_own_window_is_what_pydicom_says(tmp_path: Path):
    dicom(tmp_path / "a.dcm", RAMP, WindowCenter=["40", "50"], WindowWidth=["400", "350"])
    pydicom = pytest.importorskip("pydicom")
    file = pydicom.dcmread(tmp_path / "a.dcm")
    units = pydicom.pixels.apply_modality_lut(file.pixel_array, file)
    np.testing.assert_array_equal(units, RAMP * 2.0 - 1024)
    shares = (units - (40 - 0.5)) / (400 - 1) + 0.5  # PS3.3 C.11.2.1.2.1
    expected = np.rint(np.clip(shares, 0, 1) * 255)
    np.testing.assert_array_equal(read_picture(tmp_path / "a.dcm").image[..., 1], expected)
    wide = read_picture(tmp_path / "a.dcm", read_window("-1024..7166")).image[..., 0]
    np.testing.assert_array_equal(wide, np.rint(RAMP / 4095 * 255))


def test_dicom_of_inverted_grey_and_without_a_window(tmp_path: Path):
    dicom(tmp_path / "a.dcm", RAMP, PhotometricInterpretation="MONOCHROME1")
    assert "Try --window -1024..7040 (LOW..HIGH)" in error_of(read_picture, tmp_path / "a.dcm")
    found = read_picture(tmp_path / "a.dcm", Window(-1024, 7166)).image[..., 0]
    np.testing.assert_array_equal(found, 255 - np.rint(RAMP / 4095 * 255))


def test_a_file_that_is_no_dicom(tmp_path: Path):
    pytest.importorskip("pydicom")
    (tmp_path / "a.dcm").write_bytes(b"no DICOM")
    assert "Expected DICOM in" in error_of(read_picture, tmp_path / "a.dcm")


def test_slices_of_nifti_with_a_mask_stand_upright(tmp_path: Path):
    """x goes to the right, y (anterior) up: the first row of a slice is the last y."""
    volume = np.zeros((6, 4, 3), np.int16)
    volume[5, 3, :] = 1000  # right, anterior
    mask = np.zeros(volume.shape, np.uint8)
    mask[4:, 2:, 1] = 1
    for name in ("cat", "dog"):
        for number in range(2):
            nifti(tmp_path / name / f"{name}{number}.nii.gz", volume)
            nifti(tmp_path / "masks" / name / f"{name}{number}.nii.gz", mask)
    images = ImageSet.from_dataset(tmp_path, window="0..1000")
    assert len(images.samples) == 4
    assert all(sample.group for sample in images.samples)
    picture = images.read(images.samples[0])
    assert picture.image.shape == (4, 6, 3)
    assert np.argwhere(picture.image[..., 0]).tolist() == [[0, 5]]
    assert np.argwhere(picture.regions["object"]).tolist() == [[0, 4], [0, 5], [1, 4], [1, 5]]
    said = images.inventory.lines([sample.image for sample in images.of("test")])
    assert any(line.startswith("Not imported, 8 images slice without a mask") for line in said)
    for slices, count in (("all", 12), ("middle", 4)):
        chosen = ImageSet.from_dataset(tmp_path, window="0..1000", slices=slices)
        assert len(chosen.samples) == count
    assert len({s.split for s in chosen.samples if s.group == "cat/cat0"}) == 1


def test_a_mask_volume_of_several_values_asks_which_are_inside(tmp_path: Path):
    mask = np.zeros((6, 4, 3), np.uint8)
    mask[0, 0, 1], mask[1, 1, 1] = 1, 2
    for name in ("cat", "dog"):
        for number in range(2):
            nifti(tmp_path / name / f"{number}.nii", np.ones(mask.shape, np.uint8))
            nifti(tmp_path / "masks" / name / f"{number}.nii", mask)
    message = error_of(ImageSet.from_dataset, tmp_path)
    assert "Expected two values in mask" in message
    assert "--mask-values 1" in message
    images = ImageSet.from_dataset(tmp_path, mask_values=[1])
    assert {images.read(one).regions["object"].sum() for one in images.samples} == {1}


def test_values_of_a_mask_volume_are_given_as_those_of_a_picture(tmp_path: Path):
    values = np.array([[[-3.0], [0.0], [0.5]], [[2.0], [7.0], [np.nan]]])
    nifti(tmp_path / "a.nii", values)
    for given, expected in (
        ([2], 1), (["nonzero"], 4), (["0.2..2"], 2), ([7, "-9..-1"], 2), ([], 0),
    ):  # fmt: skip
        (inside,) = read_mask_slices(tmp_path / "a.nii", given)
        assert inside.sum() == expected
    message = error_of(read_mask_slices, tmp_path / "a.nii", ["#ff0000"])
    assert "got colors as mask values. Try" in message


@pytest.mark.parametrize(
    ("values", "said"),
    [([0, 1, np.nan], "values that are not finite"), ([0, np.inf, 2], "values that are not finite"),
     ([0, 0.25, 1], "3 values between 0 and 1"), ([0, 1, 2], "the values 0, 1, 2")],
)  # fmt: skip
def test_a_mask_volume_whose_values_are_no_classes(tmp_path: Path, values, said):
    nifti(tmp_path / "a.nii", np.array(values, np.float32).reshape(1, 1, 3))
    message = error_of(read_mask_slices, tmp_path / "a.nii")
    assert f"got {said}. Try" in message
    named = read_mask_slices(tmp_path / "a.nii", [1])  # as it advises
    assert np.any(named) == (1 in values)


def test_frames_of_a_dicom_file_are_slices(tmp_path: Path):
    for name in ("cat", "dog"):
        frames = np.stack([RAMP, RAMP[::-1], RAMP.T])
        dicom(tmp_path / name / f"{name}.dcm", frames)
    images = ImageSet.from_dataset(tmp_path, window="-1024..7166")
    assert len(images.samples) == 6
    (second,) = [s for s in images.samples if "cat_001" in s.image]
    expected = np.rint(RAMP[::-1] / 4095 * 255)
    np.testing.assert_array_equal(images.read(second).image[..., 0], expected)


def test_heic_is_read(tmp_path: Path):
    heif = pytest.importorskip("pillow_heif")
    for index in range(4):
        path = tmp_path / ("cat", "dog")[index % 2] / f"{index}.heic"
        path.parent.mkdir(exist_ok=True)
        pixels = np.full((64, 64, 3), (200, 40 * index, 30), np.uint8)
        heif.from_pillow(Image.fromarray(pixels)).save(path, quality=95)
    images = ImageSet.from_dataset(tmp_path)
    assert len(images.samples) == 4
    for sample in images.samples:
        mean = images.read(sample).image.mean((0, 1))
        number = int(Path(sample.image).stem)
        np.testing.assert_allclose(mean, (200, 40 * number, 30), atol=4)


def test_the_extra_is_named_where_a_package_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    import sys

    for module, name, extra in (
        ("pydicom", "a.dcm", "medical"),
        ("nibabel", "a.nii", "medical"),
        ("pillow_heif", "a.heic", "formats"),
    ):
        monkeypatch.setitem(sys.modules, module, None)
        (tmp_path / name).write_bytes(b"")
        with pytest.raises(MissingExtraError, match=rf"pip install 'campare\[{extra}\]'"):
            read_picture(tmp_path / name, Window(0, 1))


def test_a_volume_whose_header_says_more_than_the_file_holds(tmp_path: Path):
    nifti(tmp_path / "a.nii", np.zeros((8, 8, 4), np.int16))
    content = bytearray((tmp_path / "a.nii").read_bytes())
    content[42:48] = np.array([2000, 2000, 60], "<i2").tobytes()
    (tmp_path / "a.nii").write_bytes(content)
    assert "a header of 240,000,000 values, which" in error_of(slices_of, tmp_path / "a.nii")
    content[42:48] = np.array([30_000] * 3, "<i2").tobytes()
    (tmp_path / "a.nii").write_bytes(content)
    assert "values, more than the 268,435,456 that are read" in error_of(
        slices_of, tmp_path / "a.nii"
    )


@pytest.mark.parametrize("at", [{"shape": (0, 8, 4)}, {"shape": (8, 8, 0)}, {"kind": np.complex64},
                                {"kind": [("R", "u1"), ("G", "u1"), ("B", "u1")]}])  # fmt: skip
def test_a_volume_without_numbers(tmp_path: Path, at):
    nifti(tmp_path / "a.nii", np.zeros(at.get("shape", (8, 8, 4)), at.get("kind", np.int16)))
    for read in (slices_of, read_picture, read_mask_slices):
        assert "Expected NIfTI in" in error_of(read, tmp_path / "a.nii")


def test_a_dicom_file_with_an_element_of_an_unknown_kind(tmp_path: Path):
    dicom(tmp_path / "a.dcm", RAMP, NumberOfFrames=1)
    content = (tmp_path / "a.dcm").read_bytes()
    tag = b"\x28\x00\x08\x00"
    (tmp_path / "a.dcm").write_bytes(content.replace(tag + b"IS", tag + b"I0"))
    for read in (slices_of, read_picture, read_mask_slices):
        assert "Expected " in error_of(read, tmp_path / "a.dcm")


def test_a_dicom_file_whose_content_grows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    dicom(tmp_path / "a.dcm", RAMP)
    pydicom = pytest.importorskip("pydicom")
    file = pydicom.dcmread(tmp_path / "a.dcm")
    file.file_meta.TransferSyntaxUID = pydicom.uid.DeflatedExplicitVRLittleEndian
    file.PixelData = bytes(2**20)
    file.Rows, file.Columns = 512, 1024
    file.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    assert read_picture(tmp_path / "a.dcm", Window(0, 4095)).image.shape == (512, 1024, 3)
    monkeypatch.setattr(pictures, "LARGEST", 2**19)
    assert "packed content of more than 524,288 bytes" in error_of(
        read_picture, tmp_path / "a.dcm", Window(0, 4095)
    )


@pytest.mark.parametrize(
    "tags", [{"Rows": 60_000, "Columns": 60_000}, {"NumberOfFrames": 2**31 - 1}, {"Rows": 0},
             {"BitsAllocated": 7}, {"PixelData": b""}],
)  # fmt: skip
def test_a_dicom_file_of_lies(tmp_path: Path, tags):
    dicom(tmp_path / "a.dcm", RAMP, **tags)
    assert "Expected " in error_of(read_picture, tmp_path / "a.dcm", Window(0, 4095))


def test_sizes_of_files_that_are_no_images(tmp_path: Path):
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\nxx")
    assert error_of(read_size, tmp_path / "a.png").startswith("Expected an image in")
    assert error_of(read_mask_slices, tmp_path / "a.png").startswith("Expected a mask in")
