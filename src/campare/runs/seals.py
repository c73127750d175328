"""Seals: the size and digest of a file as it was written, by which a record knows it again.

A record of a run names its files with their seals. What is missing, truncated, swapped or changed
since then does not fit, and is said as a :class:`Fault`.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from campare.files import digest_of, is_file


class Seal(BaseModel):
    """Size in bytes and SHA-256 of a file.

    Example:
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp()) / "a"
        >>> _ = file.write_bytes(b"abc")
        >>> Seal.of(file).size
        3
    """

    model_config = ConfigDict(frozen=True)

    size: int
    sha256: str

    @classmethod
    def of(cls, path: Path) -> "Seal":
        """The seal of a file as it is now."""
        return cls(size=path.stat().st_size, sha256=digest_of(path))

    def broken(self, path: Path, *, deep: bool = True) -> str | None:
        """What is wrong with the file that was sealed; None: nothing.

        Unless `deep`, its contents are not read: only whether it is there in its size.

        Example:
            >>> Seal(size=3, sha256="").broken(Path("no/such/file"))
            'missing'
        """
        if not is_file(path):
            return "missing"
        size = path.stat().st_size
        if size != self.size:
            return f"{size:,} bytes where {self.size:,} were written"
        if deep and digest_of(path) != self.sha256:
            return "other contents than were written"
        return None


def seals_of(path: Path) -> dict[str, dict[str, Any]]:
    """The seals of a file, or of all files in a folder, by their names; {}: there is none.

    Example:
        >>> seals_of(Path("no/such/model"))
        {}
    """
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    return {
        file.relative_to(path.parent).as_posix(): Seal.of(file).model_dump()
        for file in files
        if file.is_file()
    }


@dataclass(frozen=True)
class Fault:
    """Something of a run that is not as it was written.

    Attributes:
        file: its path in the run directory, with "/"; the cell's name where it is not done.
        text: what is wrong with it.
        cell: the name of the cell that has to be done again; None: no cell has to.

    Example:
        >>> str(Fault("scores/A-0.parquet", "missing", "A-0"))
        'scores/A-0.parquet: missing'
    """

    file: str
    text: str
    cell: str | None = None

    @property
    def unfinished(self) -> bool:
        """Whether a cell is not done, or failed, and nothing that was written is wrong.

        Example:
            >>> Fault("A-0", "not finished", "A-0").unfinished
            True
        """
        return self.file == self.cell

    def __str__(self) -> str:
        return f"{self.file}: {self.text}"
