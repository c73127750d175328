"""A store for tests: a file system of fsspec under shelf://, whose files and faults are a dict."""

from typing import Any, ClassVar

import fsspec


class Shelf(fsspec.AbstractFileSystem):
    """Files by path; `about` adds to what is said of one, `faults` are raised when it is read."""

    protocol = "shelf"
    cachable = False
    files: ClassVar[dict[str, bytes]] = {}
    about: ClassVar[dict[str, dict[str, Any]]] = {}
    faults: ClassVar[dict[str, list[Exception]]] = {}
    read: ClassVar[list[str]] = []

    @classmethod
    def fill(cls, files: dict[str, bytes]) -> None:
        """Hold these files, of version 1, and forget all else."""
        cls.files = dict(files)
        cls.about, cls.faults, cls.read = {}, {}, []
        fsspec.register_implementation("shelf", cls, clobber=True)

    def ls(self, path: str, detail: bool = True, **_: Any) -> list[Any]:
        """The entries of a folder."""
        above = f"{path.strip('/')}/" if path.strip("/") else ""
        inside = {name.removeprefix(above): name for name in self.files if name.startswith(above)}
        folders = {rest.partition("/")[0] for rest in inside if "/" in rest}
        found = [{"name": above + one, "type": "directory", "size": 0} for one in folders]
        found += [self.info(name) for rest, name in inside.items() if "/" not in rest]
        return found if detail else [one["name"] for one in found]

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        """What is said of a file or a folder."""
        path = path.strip("/")
        if path in self.files:
            about = {"size": len(self.files[path]), "ETag": f"v1 {hash(self.files[path])}"}
            return {"name": path, "type": "file", **about, **self.about.get(path, {})}
        if any(name.startswith(f"{path}/") for name in self.files):
            return {"name": path, "type": "directory", "size": 0}
        raise FileNotFoundError(path)

    def _open(self, path: str, *_: Any, **__: Any) -> Any:
        import io

        path = path.strip("/")
        self.read.append(path)
        if self.faults.get(path):
            raise self.faults[path].pop(0)
        return io.BytesIO(self.files[path])
