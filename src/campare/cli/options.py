"""Arguments and options that several verbs have, and parsers: what is typed -> what functions take.

A parser gets the text of one option. Nothing heavy is imported before it is needed, as in
`campare.cli.main`.
"""

import re
from collections.abc import Callable, Sequence
from math import isfinite
from pathlib import Path
from typing import Annotated, Any, Literal

from typer import Argument, Option

from campare.errors import CampareError, RecipeError

#: What options may be at most; larger numbers are slips, and would take forever.
MOST_IMAGES, MOST_PIXELS, MOST_SEEDS, LAST_SEED = 10**6, 8192, 10**4, 2**32 - 1
#: What DATA may be.
DATA = (
    "A folder of images, one folder a class, or its URL (s3://, gs://, hf://, https://), which may "
    "be of a ZIP file, too."
)
_LARGEST = 1e12  # of numbers with commas between


def words(text: str) -> tuple[str, ...]:
    """Words between commas; those in brackets belong to a word.

    Example:
        >>> words("a, smooth-grad-cam++(samples=4, noise=0.1)")
        ('a', 'smooth-grad-cam++(samples=4, noise=0.1)')
    """
    found, depth = [""], 0
    for letter in text:
        depth += (letter in "([{") - (letter in ")]}")
        if letter == "," and depth <= 0:
            found.append("")
        else:
            found[-1] += letter
    return tuple(word.strip() for word in found if word.strip())


def finite(value: float | None) -> float | None:
    """The number of an option, if it is one: nan is in every range, infinities are in open ones.

    Example:
        >>> finite(0.5), finite(None)
        (0.5, None)
    """
    if value is not None and not isfinite(value):
        raise CampareError(f"Expected a number that is finite, got {value}. Try 0.5")
    return value


def numbers(option: str, example: str) -> Callable[[str], tuple[float, ...]]:
    """The parser of an option that takes numbers between commas, whole ones as int.

    Example:
        >>> numbers("--train-sizes", "50,100")("50, 0.5")
        (50, 0.5)
    """

    def number(word: str) -> float:
        found = int(word) if word.strip().isdecimal() else float(word)
        if not abs(found) <= _LARGEST:
            raise ValueError(word)
        return found

    def parse(text: str) -> tuple[float, ...]:
        try:
            return tuple(map(number, text.split(",")))
        except ValueError as error:
            raise CampareError(
                f"Expected {option} as numbers with commas between, got {text!r}. Try {example}"
            ) from error

    return parse


def assigned(text: str) -> Any:
    """A value for all models as it is, or NAME=VALUE,... for some.

    Example:
        >>> assigned("-1..1"), assigned("a=-1..1,b=0..1")
        ('-1..1', {'a': '-1..1', 'b': '0..1'})
    """
    if "=" not in text:
        return text
    return {name: value for name, _, value in (word.partition("=") for word in words(text))}


def pixels(text: str) -> Any:
    """A range or convention by name, or {mean: ..., std: ..., crop_pct: ...}; or NAME=ONE,....

    Raises:
        DataError: braces that hold no YAML.

    Example:
        >>> pixels("caffe"), pixels("{size: 224}"), pixels("a=0..1,b={mean: [0.5]}")
        ('caffe', {'size': 224}, {'a': '0..1', 'b': {'mean': [0.5]}})
    """
    if "=" in text and not text.startswith("{"):
        return {name: pixels(one) for name, one in assigned(text).items()}
    if not text.startswith("{"):
        return text
    from campare.errors import DataError
    from campare.yamlfile import plain_yaml

    try:
        return plain_yaml(text, words=True)
    except ValueError as error:
        raise DataError(
            f"Expected --pixels as a name or in braces, got {text!r}. "
            "Try: '{mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5], crop_pct: 0.875}'"
        ) from error


def loader(text: str) -> Any:
    """A loader for all models, or NAME=LOADER,... for some; options of a library's after ?.

    Example:
        >>> loader("timm:resnet50?num_classes=2"), loader("a=lab:load,b=lab:other")
        ('timm:resnet50?num_classes=2', {'a': 'lab:load', 'b': 'lab:other'})
    """
    return assigned(text) if re.match(r"[\w+.-]+=", text) else text


def prompts(text: str) -> Any:
    """Texts of classes between commas, CLASS=TEXT,..., or a YAML file of them.

    Example:
        >>> prompts("a cat,a dog"), prompts("cat=a photo of a cat,dog=a photo of a dog")
        (('a cat', 'a dog'), {'cat': 'a photo of a cat', 'dog': 'a photo of a dog'})
    """
    if Path(text).suffix in (".yaml", ".yml"):
        from campare.yamlfile import load_yaml

        return load_yaml(
            text,
            dict[str, str | list[str]],
            of="prompts",
            like="'cat: a photo of a cat' on a line of its own for each class",
            advice="cat=a photo of a cat,dog=a photo of a dog",
        )
    return assigned(text) if "=" in text else words(text)


def layer_grid(text: str) -> Any:
    """HEIGHTxWIDTH, HEIGHTxWIDTH+FRONT, or a function as module:name.

    Raises:
        CampareError: it is something else.

    Example:
        >>> layer_grid("14x14"), layer_grid("14x14+101")
        ((14, 14), (14, 14, 101))
    """
    from campare.optional import load_object

    if ":" in text:
        return load_object(text)
    sides, _, front = text.partition("+")
    try:
        height, width = map(int, sides.split("x"))
        return (height, width, int(front)) if front else (height, width)
    except ValueError as error:
        raise CampareError(
            f"Expected --layer-grid as HEIGHTxWIDTH, got {text!r}. Try 14x14, 14x14+1 with one "
            "token in front, or my_module:my_function"
        ) from error


def layer_grids(text: str) -> Any:
    """`layer_grid` for all models, or NAME=GRID,... for some.

    Example:
        >>> layer_grids("14x14+1"), layer_grids("a=14x14,b=7x7")
        ((14, 14, 1), {'a': (14, 14), 'b': (7, 7)})
    """
    found = assigned(text)
    if isinstance(found, dict):
        return {name: layer_grid(one) for name, one in found.items()}
    return layer_grid(found)


def setting(pair: str) -> tuple[str, Any]:
    """NAME=VALUE of a backbone, the value read as YAML.

    Raises:
        RecipeError: it is no such pair.

    Example:
        >>> setting("alpha=0.75")
        ('alpha', 0.75)
    """
    from campare.yamlfile import plain_yaml

    name, equals, text = pair.partition("=")
    try:
        value = plain_yaml(text, words=True)
    except ValueError:
        equals = ""
    if not (name.isidentifier() and equals):
        raise RecipeError(f"Expected --backbone-option NAME=VALUE, got {pair!r}. Try alpha=0.75")
    return name, value


def read_classes(text: str) -> Any:
    """Outputs of the data's classes: NAME=INDEX,... or a YAML file; by `experiments.outputs`."""
    from campare.experiments import outputs

    return outputs.read_classes(text)


def mask_values(text: str) -> Any:
    """Values of all masks between commas, or CLASS=VALUE+VALUE,... for each class.

    Example:
        >>> mask_values("1,128..255"), mask_values("cat=8,dog=12+13")
        ((1, '128..255'), {'cat': (8,), 'dog': (12, 13)})
    """

    def values(among: Sequence[str]) -> tuple[int | str, ...]:
        return tuple(int(word) if word.isdecimal() else word for word in among)

    if "=" not in text:
        return values(words(text))
    return {name: values(own.split("+")) for name, own in assigned(text).items()}


def labels(text: str) -> dict[str, str | None]:
    """LABEL=CLASS,... of annotations; nothing after = for a label that is no object.

    Example:
        >>> labels("person=,cat=cats")
        {'person': None, 'cat': 'cats'}
    """
    pairs = [word.partition("=") for word in words(text)]
    if not all(equals for _, equals, _ in pairs):
        raise CampareError(
            f"Expected --labels as LABEL=CLASS,..., got {text!r}. Try: person=,cat=cats"
        )
    return {label.strip(): name.strip() or None for label, _, name in pairs}


def columns(text: str) -> dict[str, str]:
    """WHAT=NAME,... of the columns of a table.

    Example:
        >>> columns("image=ImageId, label=ClassId")
        {'image': 'ImageId', 'label': 'ClassId'}
    """
    pairs = [word.partition("=") for word in words(text)]
    if not all(equals and name for _, equals, name in pairs):
        raise CampareError(
            f"Expected --columns as WHAT=NAME,..., got {text!r}. Try: image=ImageId,label=ClassId"
        )
    return {what.strip(): name.strip() for what, _, name in pairs}


def located(data: str) -> str | Path:
    """A URL as it is, else a path.

    Example:
        >>> located("s3://bucket/pets")
        's3://bucket/pets'
    """
    from campare.data.urls import is_url

    return data if is_url(data) else Path(data)


def name_of(data: str) -> str:
    """What a run on data is called: after their folder, or the last part of their URL.

    Example:
        >>> name_of("data/pets"), name_of("s3://bucket/pets/")
        ('pets', 'pets')
    """
    from campare.data import urls

    there = located(data)
    return there.resolve().name if isinstance(there, Path) else urls.name_of(there)


def folder(data: Any, *, training: bool, **reading: Any) -> Any:
    """A folder's path as it is, or its ImageSet where options say how to read it.

    Raises:
        CampareError: such an option with the drawn set.
    """
    reading = {option: value for option, value in reading.items() if value is not None}
    if not reading:
        return data
    if not isinstance(data, str) or data == "drawn":
        option = next(iter(reading)).replace("_", "-")
        raise CampareError(
            f"Expected --{option} with a folder of images, got the drawn set. Try: without it"
        )
    from campare.data import ImageSet

    return ImageSet.from_folder(data, training=training, **reading)


LayerGrid = Annotated[
    Any,
    Option(
        parser=layer_grid,
        metavar="GRID",
        help="How the tokens of a layer lie, where that cannot be found: 14x14, 14x14+1 with one "
        "in front, or my_module:my_function.",
    ),
]
MaskValues = Annotated[
    Any,
    Option(
        parser=mask_values,
        metavar="VALUE,...",
        help="What is inside a mask of more than two values: 1,3 or nonzero or cat=8,dog=12.",
    ),
]
Labels = Annotated[
    Any,
    Option(
        parser=labels,
        metavar="LABEL=CLASS,...",
        help="What labels of annotations mean: person=,cat=cats,lesion=own.",
    ),
]
AnnotationsAs = Annotated[
    Literal["stored", "displayed"] | None,
    Option(help="How masks and boxes of photos that EXIF turns were drawn. Default: stored."),
]
Group = Annotated[
    str | None,
    Option(
        metavar="REGEX",
        help="What in an image's path says which images belong together (patients, videos): "
        "'(patient_[0-9]+)', or folder for that below the class. Default: groups.csv.",
    ),
]
RunFolder = Annotated[Path, Argument(metavar="RUN", help="The folder of a run.")]
MODEL = (
    "MODEL.keras, timm:NAME, torchvision:NAME, hf:NAME_OR_FOLDER or open_clip:NAME, with "
    "?checkpoint=FILE for weights of your own, or a file with --loader."
)
ModelFile = Annotated[str, Argument(metavar="MODEL", help=MODEL)]
Loader = Annotated[
    Any,
    Option(
        parser=loader,
        metavar="LOADER",
        help="Of files of torch: my_module:my_function (path -> model), my_module:MyClass, or "
        "timm:NAME; or of some models, NAME=LOADER,...",
    ),
]
Trust = Annotated[
    bool,
    Option(
        "--trust",
        help="Run code that files of models hold (pickled modules, Lambda layers). It can do "
        "anything that you can: only for files whose author you know.",
    ),
]
Prompts = Annotated[
    Any,
    Option(
        parser=prompts,
        metavar="CLASS=TEXT,...",
        help="Of open_clip: a text for each class, or a YAML file of them.",
    ),
]
Pixels = Annotated[
    Any,
    Option(
        parser=pixels,
        metavar="PIXELS",
        help="What models take: 0..255, 0..1, -1..1, imagenet, caffe, clip, or '{mean: [...], std: "
        "[...], crop_pct: 0.875}'; or NAME=PIXELS,... Default: what the model's source says, else "
        "pictures stretched, of 0..255.",
    ),
]
Output = Annotated[
    str | None, Option(help="The name of one of the model's outputs, if it has several.")
]
Metrics = Annotated[
    Sequence[str],
    Option(
        "--metrics",
        "--metric",
        parser=words,
        metavar="NAME,...",
        help="Names (campare list metrics) and sets: default, all, claims.",
    ),
]
Methods = Annotated[
    Sequence[str],
    Option(
        "--method",
        "--methods",
        parser=words,
        metavar="NAME,...",
        help="One or more: campare list methods.",
    ),
]
Json = Annotated[bool, Option("--json", help="Print JSON.")]
Engine = Annotated[
    str,
    Option(
        help="Where models are trained and evaluated: local, ray, or 'ray(cpus=2, gpus=0.25)' with "
        "what a cell takes."
    ),
]
Address = Annotated[
    str | None,
    Option(metavar="HOST:PORT", help="The Ray cluster to use. Default: this machine alone."),
]
Jobs = Annotated[
    int | None,
    Option(min=1, help="So many processes of this machine, which share its cores. Default: one."),
]
Strict = Annotated[
    bool,
    Option(
        "--strict",
        help="Do not go on with a run under other versions, backend, number of cores or machine.",
    ),
]
DryRun = Annotated[
    bool,
    Option(
        "--dry-run",
        help="Print what it costs, cells, passes, time, memory and disk, and stop: nothing is "
        "trained or written.",
    ),
]
SkipFailed = Annotated[
    bool, Option("--skip-failed", help="Do not try again what failed before; go on without it.")
]
KeepMaps = Annotated[
    str | None,
    Option(
        metavar="N|all|none",
        help="Of how many test images, drawn at random, the run keeps pictures and maps, for the "
        "gallery. Default: 1000, or as the run that goes on.",
    ),
]
Log = Annotated[
    str | None,
    Option(
        metavar="TRACKER[:PLACE]",
        help="Log the run when it is done: mlflow, tensorboard, wandb or fiftyone; after a colon a "
        "tracking URI, a folder, a project or a data set. See campare log.",
    ),
]
Cells = Annotated[
    str | None,
    Option(
        metavar="N-N,...",
        help="Do only the cells of these numbers, beside other processes that do others of the "
        "same run, as in an array of a cluster; the last one compares. list: say the numbers.",
    ),
]
Shortcut = Annotated[
    float | None,
    Option(
        min=0,
        max=1,
        callback=finite,
        help="drawn: plant a cue that agrees with the label this often.",
    ),
]
