"""Errors for people: each says what was expected, what came, and what to try.

The command line prints a :class:`CampareError` as one line and exits with status 2.
Anything else that escapes is a bug in campare and keeps its traceback.
"""


class CampareError(Exception):
    """A mistake that the user can mend; its text is one line: Expected ..., got .... Try ...."""

    exit_status = 2


class DataError(CampareError):
    """Images, masks, boxes or labels that cannot be used."""


class ModelError(CampareError):
    """A model that cannot be loaded, read or tapped."""


class LayerError(ModelError):
    """A layer that is missing, ambiguous or not spatial."""


class TargetError(CampareError):
    """A class to explain that the model does not have."""


class RecipeError(CampareError):
    """A recipe or a setting of a study that is not valid."""


class RunError(CampareError):
    """A run directory that is missing, incomplete or of other settings."""


class MissingExtraError(CampareError):
    """An optional dependency that is not installed."""


def last_words(error: BaseException, length: int = 200) -> str:
    """The end of a framework's message, where the cause stands, in one line without a full stop.

    Example:
        >>> last_words(ValueError("In layer 'a':\\n call() got shape (2, 3)."), 24)
        '... call() got shape (2, 3)'
    """
    text = " ".join(str(error).split()).rstrip(".") or type(error).__name__
    if len(text) <= length:
        return text
    return "... " + text[-length:].partition(" ")[2]
