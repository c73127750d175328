"""What is typed on the command line as what functions take: names, values, pictures, sides.

Nothing heavy is imported before it is needed, as in `campare.cli.main`.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from campare.errors import CampareError, DataError, RecipeError

if TYPE_CHECKING:
    from campare.types import Array


def picture(path: Path) -> "Array":
    """A file as (H, W, 3) uint8."""
    from campare.data.decode import decode_image

    try:
        return decode_image(path.read_bytes()).image
    except Exception as error:  # Pillow raises many kinds; whichever, it is no image
        raise DataError(
            f"Expected an image file, got {str(path)!r}, which cannot be read. Try a PNG or JPEG."
        ) from error


def contrast(target: str | None, against: str | None) -> Any:
    """The target of explain(): a class, or one class against another."""
    if against is None:
        return target
    if target is None:
        raise CampareError(
            f"Expected --target with --against {against}, got none. "
            "Try --target CLASS, the class to explain"
        )
    from campare.models.targets import Contrast

    return Contrast(target, against)


def stretched(pictures: "list[Array]", sides: tuple[int, int]) -> "Array":
    """Pictures of any size as one array: -> (N, height, width, 3)."""
    import numpy as np

    from campare.data.decode import resize_image

    return np.stack([resize_image(picture, sides) for picture in pictures])


def sides(shape: tuple[int | None, ...], size: int | None) -> tuple[int, int]:
    """Height and width of a model's input (H, W, C); `size` where it takes any."""
    height, width = (size or side for side in shape[:2])
    if height is None or width is None:
        raise CampareError(
            "Expected --size for a model that takes images of any size, got none. Try --size 224"
        )
    return height, width


def named(models: list[str]) -> dict[str, str]:
    """Paths of models by their names: NAME=PATH, or else the file's stem.

    Raises CampareError for two of one name.

    Example:
        >>> named(["runs/a.keras", "before=old/a.keras"])
        {'a': 'runs/a.keras', 'before': 'old/a.keras'}
    """
    found: dict[str, str] = {}
    for text in models:
        name, _, path = text.partition("=")
        if not path or Path(text).exists():
            name, path = Path(text).stem, text
        if name in found:
            raise CampareError(
                f"Expected models with different names, got {name!r} twice. "
                f"Try: before={found[name]} after={path}"
            )
        found[name] = path
    return found


def assigned(text: str | None) -> Any:
    """A value for all models as it is, or NAME=VALUE,... for some.

    Example:
        >>> assigned("-1..1"), assigned("a=-1..1,b=0..1")
        ('-1..1', {'a': '-1..1', 'b': '0..1'})
    """
    if text is None or "=" not in text:
        return text
    return {name: value for name, _, value in (word.partition("=") for word in words(text) or ())}


def words(text: str | None) -> tuple[str, ...] | None:
    """Words between commas; nothing: None.

    Example:
        >>> words("cat, dog"), words(None)
        (('cat', 'dog'), None)
    """
    return tuple(word.strip() for word in text.split(",") if word.strip()) if text else None


def numbers(text: str | None, option: str, example: str) -> tuple[Any, ...] | None:
    """Numbers between commas, whole ones as int; nothing: None.

    Raises CampareError for a word that is no number.

    Example:
        >>> numbers("50, 0.5", "--train-sizes", "50,100"), numbers(None, "--train-sizes", "50,100")
        ((50, 0.5), None)
    """
    if text is None:
        return None
    found = []
    for word in text.split(","):
        try:
            found.append(int(word) if word.strip().isdecimal() else float(word))
        except ValueError as error:
            raise CampareError(
                f"Expected {option} as numbers with commas between, got {text!r}. Try {example}"
            ) from error
    return tuple(found)


def settings(pairs: list[str]) -> dict[str, Any]:
    """Settings as NAME=VALUE, values read as YAML.

    Example:
        >>> settings(["alpha=0.75"])
        {'alpha': 0.75}
    """
    import yaml

    settings = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        try:
            settings[name] = yaml.safe_load(value)
        except yaml.YAMLError:
            equals = ""
        if not (name.isidentifier() and equals):
            raise RecipeError(
                f"Expected --backbone-option NAME=VALUE, got {pair!r}. Try alpha=0.75"
            )
    return settings
