"""Options among the words of a command that wrote a run: read, taken out, given another value."""

from collections.abc import Sequence

#: Other spellings of options.
_ALIKE = {"-o": "--out", "--metric": "--metrics", "--methods": "--method"}


def spelled_out(words: Sequence[str]) -> list[str]:
    """The words with options by the names that are looked for here.

    Example:
        >>> spelled_out(["audit", "-o", "a", "--metric=iou"])
        ['audit', '--out', 'a', '--metrics=iou']
    """
    parts = [word.partition("=") for word in words]
    return [f"{_ALIKE.get(name, name)}{equals}{rest}" for name, equals, rest in parts]


def without(words: Sequence[str], option: str) -> list[str]:
    """The words without an option that has a value, however often and in which form it is there.

    Example:
        >>> without(["study", "drawn", "--out", "a", "--seeds", "1", "--out=b"], "--out")
        ['study', 'drawn', '--seeds', '1']
    """
    before = ["", *words]
    return [
        word
        for last, word in zip(before, words, strict=False)
        if option not in (last, word) and not word.startswith(f"{option}=")
    ]


def value(words: Sequence[str], option: str, default: str) -> str:
    """The last value that an option has among the words; `default` where it has none.

    Example:
        >>> value(["study", "drawn", "--out=a", "--out", "b"], "--out", "c")
        'b'
    """
    found = default
    for word, following in zip(words, [*words[1:], default], strict=False):
        if word == option:
            found = following
        elif word.startswith(f"{option}="):
            found = word.partition("=")[2]
    return found


def with_option(words: Sequence[str], option: str, value: str) -> list[str]:
    """The words with an option of this value, and no other.

    Example:
        >>> with_option(["study", "drawn", "--out", "a"], "--out", "b")
        ['study', 'drawn', '--out', 'b']
    """
    return [*without(words, option), option, value]
