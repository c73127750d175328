"""Manifests for tests that need only a part of one."""

from typing import Any

from campare.runs.manifest import Manifest

DATA = {"name": "drawn", "fingerprint": "1", "classes": ["a", "b"]}


def manifest(*, data: dict[str, Any] | None = None, **parts: Any) -> Manifest:
    """A manifest with these parts, the others as small as they can be."""
    least = {"campare": "0.1.0", "data": DATA | (data or {}), "recipes": [], "seeds": [0]}
    return Manifest.model_validate(least | parts)


def changed(one: Manifest, **parts: Any) -> Manifest:
    """The manifest with other parts."""
    return Manifest.model_validate(one.model_dump() | parts)
