"""What names of folders and files mean: a split, images, masks, annotations.

A name is taken apart into words (`seg_train` is seg and train, `JPEGImages` jpeg and images), so
that the names of many tools and public data sets are understood by one short list.
"""

import re
from collections.abc import Iterable, Sequence
from shlex import quote

#: Suffixes of images that a folder does not take and `campare data import` reads.
DICOM, NIFTI, HEIC = (".dcm", ".dicom", ".ima"), (".nii", ".nii.gz"), (".heic", ".heif")
#: Word of a folder's name -> the split that it means.
SPLITS_BY_WORD = {
    **dict.fromkeys(("train", "training", "trainval"), "train"),
    **dict.fromkeys(("test", "testing"), "test"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "val"),
}
_MASKS = ("mask", "masks", "segmentation", "segmentations", "trimap", "trimaps", "matte", "mattes",
          "gt", "groundtruth", "ground", "seg", "segs", "label", "labels")  # fmt: skip
_ANNOTATIONS = ("annotation", "annotations", "ann", "anns", "label", "labels", "xml", "xmls",
                "json", "jsons", "bbox", "bboxes", "boxes")  # fmt: skip
_IMAGES = ("image", "images", "img", "imgs", "photo", "photos", "picture", "pictures", "pred")
_SETS = ("set", "sets", "subset", "batch", "part", "fold", "folder", "split", "color", "colour",
         "gray", "grey", "grayscale", "greyscale", "rgb", "segmented", "raw", "original",
         "originals", "augmented", "cropped", "resized", "processed")  # fmt: skip
_MASK_WORD = (
    r"(masks?|msk|seg|segmentation|gt|groundtruth|ground[_ -]truth|labels?|matte|trimap|anno|"
    r"annotation|lesion|roi|alpha|binary)"
)
_AFTER = re.compile(
    rf"^(?P<stem>.+?)[ _.-]*[ _.-]{_MASK_WORD}(?P<number>[ _.-]?\d+)?$", re.IGNORECASE
)
_BEFORE = re.compile(rf"^{_MASK_WORD}[ _.-]+(?P<stem>.+)$", re.IGNORECASE)


def is_hidden(name: str) -> bool:
    """Whether a file or folder is of the system or a tool, not of the data.

    Example:
        >>> is_hidden(".git"), is_hidden("@eaDir"), is_hidden("cat")
        (True, True, False)
    """
    return name.startswith((".", "__MACOSX", "__pycache__", "@eaDir", "#recycle", "$RECYCLE.BIN"))


def words_of(name: str) -> tuple[str, ...]:
    """The words of a name in small letters, without numbers.

    Example:
        >>> words_of("seg_train"), words_of("JPEGImages"), words_of("val2017")
        (('seg', 'train'), ('jpeg', 'images'), ('val',))
        >>> words_of("XMLs")
        ('xmls',)
    """
    parts = re.findall(r"[A-Z]{2,}s(?![a-z])|[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\W\d_A-Za-z]+", name)
    return tuple(part.casefold() for part in parts)


def split_of(name: str) -> str | None:
    """The split that a folder's name means, if it has one word that does.

    Example:
        >>> split_of("seg_train"), split_of("Validation"), split_of("cat")
        ('train', 'val', None)
    """
    found = {SPLITS_BY_WORD[word] for word in words_of(name) if word in SPLITS_BY_WORD}
    return found.pop() if len(found) == 1 else None


def means_masks(name: str) -> bool:
    """Whether a folder of this name may hold masks; what lies in it decides.

    Example:
        >>> [means_masks(name) for name in ("Masks", "ground_truth", "SegmentationClass", "cat")]
        [True, True, True, False]
    """
    return any(word in _MASKS for word in words_of(name)) or means_annotations(name)


def means_annotations(name: str) -> bool:
    """Whether a folder of this name may hold annotations.

    Example:
        >>> means_annotations("Annotations"), means_annotations("labels"), means_annotations("cat")
        (True, True, False)
    """
    return any(word in _ANNOTATIONS for word in words_of(name))


def are_no_classes(names: Sequence[str]) -> bool:
    """Whether folders of these names are splits, images and masks, none of them a class.

    A word that all of them have says nothing: good_images and bad_images are classes. Names that
    differ in numbers alone are parts of one: images_1 and images_2.

    Example:
        >>> are_no_classes(["seg_train", "seg_test"]), are_no_classes(["images", "labels"])
        (True, True)
        >>> are_no_classes(["cat", "Masks"]), are_no_classes(["with_mask", "without_mask"])
        (False, False)
        >>> are_no_classes(["good_images", "bad_images"]), are_no_classes(["images_1", "images_2"])
        (False, True)
    """
    known = {*SPLITS_BY_WORD, *_MASKS, *_ANNOTATIONS, *_IMAGES}
    words = [set(words_of(name)) for name in names]
    same = len(words) < 2 or all(each == words[0] for each in words)
    common = set() if same else set.intersection(*words)
    return bool(words) and all(known & (each - common) for each in words)


def are_sets(names: Sequence[str]) -> bool:
    """Whether all names say a set or version of images: fold_1 and fold_2, color and grayscale.

    Example:
        >>> are_sets(["color", "grayscale", "segmented"]), are_sets(["color", "cat"])
        (True, False)
    """
    return all(set(words_of(name)) & set(_SETS) for name in names)


def without_mask_word(stem: str) -> str | None:
    """The name of the image that a mask's name holds; None where it does not say that it is one.

    Example:
        >>> without_mask_word("benign (1)_mask_2"), without_mask_word("0000_label")
        ('benign (1)', '0000')
        >>> without_mask_word("mask_7")
        '7'
        >>> without_mask_word("benign (1)") is None
        True
    """
    found = _AFTER.match(stem) or _BEFORE.match(stem)
    return found["stem"] if found else None


def commands_to_rename(root: object, names: Iterable[str]) -> str | None:
    """Shell commands that name folders of splits train and test, if it is clear which are which.

    Example:
        >>> commands_to_rename("DATA", ["seg_train", "seg_test", "seg_pred"])
        'mv DATA/seg_train DATA/train && mv DATA/seg_test DATA/test'
        >>> commands_to_rename("DATA", ["train2017", "val2017"])
        'mv DATA/train2017 DATA/train && mv DATA/val2017 DATA/test'
    """
    by_split: dict[str, list[str]] = {}
    for name in names:
        by_split.setdefault(split_of(name) or "", []).append(name)
    if "test" not in by_split and "val" in by_split:
        by_split["test"] = by_split.pop("val")
    if any(len(by_split.get(split, ())) != 1 for split in ("train", "test")):
        return None
    moves = [
        (by_split[split][0], split) for split in by_split if split and len(by_split[split]) == 1
    ]
    return " && ".join(
        f"mv {quote(f'{root}/{old}')} {quote(f'{root}/{new}')}" for old, new in moves if old != new
    )
