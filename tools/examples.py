"""An extension of griffe: "Example:" in docstrings is a section of doctests, as "Examples:" is."""

from typing import Any

from griffe import Extension, Object


class Examples(Extension):  # type: ignore[misc]  # griffe need not be installed
    """Renames the section before docstrings are parsed."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        """Called of every module, class, function and attribute."""
        if obj.docstring:
            obj.docstring.value = obj.docstring.value.replace("\nExample:\n", "\nExamples:\n")
