"""A ZIP file that was fetched, as the folder that it holds.

What it says is not trusted: names are checked as those of a store are, and what would become many
times as large as the archive is refused.
"""

import shutil
import zipfile
import zlib
from pathlib import Path

from campare.data.foreign_names import require_apart, require_part
from campare.data.vocabulary import is_hidden
from campare.errors import DataError
from campare.files import atomic
from campare.untrusted import require_archive


def unpack(archive: Path, root: Path, where: str, most: float) -> list[str]:
    """Write the files of an archive below a folder, but hidden ones.

    A folder around all files that is called as the new one is left out.

    Args:
        archive: the ZIP file.
        root: the folder.
        where: what messages call the archive.
        most: bytes that all files may have.

    Returns:
        The paths of the files below the folder.

    Raises:
        DataError: it is no ZIP file, damaged or encrypted, becomes too large, or holds names that
            no folder may hold.
    """
    try:
        require_archive(archive)
        with zipfile.ZipFile(archive) as opened:
            members = _members(opened, root.name, where)
            size = sum(member.file_size for member in members.values())
            if size > most:
                raise ValueError(f"{size:,} bytes unpacked, of {most:,.0f} at most")
            for path, member in members.items():
                with (
                    atomic(root / path) as part,
                    opened.open(member) as file,
                    part.open("wb") as to,
                ):
                    shutil.copyfileobj(file, to)
    except (zipfile.BadZipFile, zlib.error, ValueError, EOFError, NotImplementedError) as error:
        raise _unreadable(where, str(error)) from error
    except RuntimeError as error:
        raise _unreadable(where, "one that needs a password") from error
    return list(members)


def _members(opened: zipfile.ZipFile, name: str, where: str) -> dict[str, zipfile.ZipInfo]:
    """Path below the folder -> member, of all files that are not hidden."""
    found = []
    for member in opened.infolist():
        parts = member.filename.removesuffix("/").split("/")
        for part in parts:
            require_part(part, member.filename, where)
        if not member.is_dir() and not any(map(is_hidden, parts)):
            found.append((member.filename, member))
    require_apart([path for path, _ in found], where)
    around = f"{name}/" if all(path.startswith(f"{name}/") for path, _ in found) else ""
    if not found:
        raise ValueError("no file in it")
    return {path.removeprefix(around): member for path, member in found}


def _unreadable(where: str, why: str) -> DataError:
    return DataError(
        f"Expected a ZIP file at {where}, got: {why}. Try to pack it anew, or the folder itself"
    )
