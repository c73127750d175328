"""What lies under a URL, by fsspec: its files with sizes and versions, and how one is fetched.

    open_store(url) -> Store     .entries, each a name below the URL, its size and version
    store.copy(entry, path)      the file, checked by its size, and by its digest where one is said

What a store answers is not trusted: names stay below the URL and are whole, sizes are kept to, and
there are at most MOST entries. Credentials are those of the environment, as the libraries find
them. Every failure is a DataError of one line.
"""

import base64
import errno
import hashlib
import html
import logging
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, NoReturn
from urllib.parse import unquote

from campare.data.foreign_names import require_apart, require_part
from campare.data.threads import in_threads
from campare.data.urls import has_user, public, scheme_of
from campare.data.vocabulary import is_hidden
from campare.errors import DataError, last_words
from campare.optional import require

#: Files and folders under a URL, and folders in folders.
MOST, DEEPEST = 1_500_000, 64
#: Files that are asked for at a time.
THREADS = 16
#: Seconds until a store must have answered, and until the next bytes must have come.
CONNECT, READ = 10, 20

_TRIES = 3
# Of errors of which some library makes a file that is not there.
_UNREACHED = {"ClientConnectionError", "TimeoutError", "ConnectionError", "HTTPClientError"}
# Numbers of errors that are of the disk here.
_OF_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.ENAMETOOLONG}

#: Of what fsspec needs for a scheme.
_MODULES = {
    **dict.fromkeys(("s3", "s3a"), "s3fs"),
    **dict.fromkeys(("gs", "gcs"), "gcsfs"),
    **dict.fromkeys(("http", "https"), "aiohttp"),
    "hf": "huggingface_hub",
}
# Schemes that have no place for a name and a password.
_BUCKETS = ("s3", "s3a", "gs", "gcs", "hf")
#: What helps where access is denied.
_CREDENTIALS = {
    "s3fs": "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (or AWS_PROFILE) in the environment, or "
    """FSSPEC_S3='{"anon": true}' for a bucket that is public""",
    "gcsfs": "gcloud auth application-default login, or GOOGLE_APPLICATION_CREDENTIALS=FILE",
    "huggingface_hub": "HF_TOKEN in the environment, of a user who may read it",
    "aiohttp": "https://NAME:PASSWORD@HOST/..., or a file that was downloaded",
}
#: What a store calls the version of a file, the best first.
_VERSIONS = (
    *("ETag", "etag", "md5Hash", "generation", "blob_id", "CRC", "Content-MD5"),
    *("LastModified", "last_modified", "Last-Modified", "mtime", "updated", "modified", "created"),
)


class Digest(NamedTuple):
    """A digest that a store says; `sure`: it is one of the bytes, whatever the store."""

    algorithm: str
    value: str
    sure: bool = True


class Entry(NamedTuple):
    """A file under a URL.

    Attributes:
        path: below the URL, with "/".
        at: as the store calls it.
        size: in bytes; None: it is not said.
        version: changes when the file does; None: the store says nothing of the kind.
        digest: of its bytes, where the store says one.
    """

    path: str
    at: str
    size: int | None
    version: str | None
    digest: Digest | None = None


@dataclass
class Store:
    """What lies under a URL."""

    url: str  # as it may be shown
    entries: tuple[Entry, ...]
    system: Any  # fsspec's
    is_file: bool = False
    _no_digests: list[str] = field(default_factory=list)  # of unsure digests that were none

    def copy(self, entry: Entry, path: Path) -> None:
        """Fetch a file.

        Raises:
            DataError: it cannot be had, or is not what the listing says.
        """
        self._fetch(entry, path)
        if entry.digest is None or (not entry.digest.sure and self._no_digests):
            return
        found = _digest(path, entry.digest.algorithm)
        if found == entry.digest.value:
            return
        self._fetch(entry, path)
        again = _digest(path, entry.digest.algorithm)
        if again == entry.digest.value:
            return
        if entry.digest.sure or again != found:
            raise DataError(
                f"Expected {entry.path} of {self.url} with the {entry.digest.algorithm} "
                f"{entry.digest.value}, got {again}. Try the command again, or to put the file "
                "there anew"
            )
        self._no_digests.append(entry.path)  # an ETag of S3 is no MD5 where a key of KMS encrypts

    def _fetch(self, entry: Entry, path: Path) -> None:
        for attempt in range(1, _TRIES + 1):
            try:
                with _told(f"{self.url.rstrip('/')}/{entry.path}" if entry.path else self.url):
                    self.system.get_file(entry.at, str(path), callback=_limited(entry.size))
                break
            except _GoneError:
                raise
            except DataError:
                if attempt == _TRIES:
                    raise
        got = path.stat().st_size
        if entry.size is not None and got != entry.size:
            _refuse_size(entry, self.url, got)


def _refuse_size(entry: Entry, url: str, got: int) -> NoReturn:
    raise DataError(
        f"Expected {entry.path} of {url} with {entry.size:,} bytes as listed, got {got:,}. "
        "Try the command again: it may have changed meanwhile"
    )


def open_store(url: str) -> Store:
    """List what lies under a URL: a folder with all that is below, or a file.

    Raises:
        MissingExtraError: the library of its scheme is not installed.
        DataError: nothing is there, access is denied, no answer comes, or names that no folder
            may hold.
    """
    shown = public(url)
    if scheme_of(url) in _BUCKETS and has_user(url):
        raise DataError(
            f"Expected a URL without names and passwords, got one with them: {shown}. "
            f"Try: {_CREDENTIALS[_MODULES[scheme_of(url)]]}"
        )
    system, root = _connected(url)
    with _told(shown):
        entries, is_file = _listed(system, root, shown)
    if not entries:
        _refuse_empty(url)
    require_apart([entry.path for entry in entries], shown)
    return Store(shown, tuple(sorted(entries)), system, is_file)


def _connected(url: str) -> tuple[Any, str]:
    """fsspec's file system of a URL, with limits of time, and the path in it."""
    module = _MODULES.get(scheme_of(url))
    fsspec = require("fsspec", extra="remote")
    if module is not None:
        require(module, extra="remote")
    for name in ("gcsfs", "s3fs", "fsspec"):  # they log tracebacks of what is raised, too
        logging.getLogger(name).addHandler(logging.NullHandler())
    with _told(public(url)), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        system, root = fsspec.core.url_to_fs(url, **_options(module))
    if module == "s3fs":
        system.retries = 2
    return system, root


def _options(module: str | None) -> dict[str, Any]:
    """How long a library waits, and that it does not keep what it listed."""
    options: dict[str, Any] = {"use_listings_cache": False, "skip_instance_cache": True}
    if module == "s3fs":
        waits = {"connect_timeout": CONNECT, "read_timeout": READ, "retries": {"max_attempts": 0}}
        return {**options, "config_kwargs": waits}
    if module == "gcsfs":
        return {**options, "requests_timeout": READ}
    if module == "aiohttp":
        waits = require("aiohttp", extra="remote").ClientTimeout(
            total=None, sock_connect=CONNECT, sock_read=READ
        )
        return {**options, "simple_links": False, "client_kwargs": {"timeout": waits}}
    return options


def _listed(system: Any, root: str, url: str) -> tuple[list[Entry], bool]:
    """The files under a root, and whether it is one itself."""
    web = scheme_of(url) in ("http", "https")
    if web and not root.endswith("/"):
        about = system.info(root)  # a page may be a listing, if its address ends in /
        if about.get("mimetype") != "text/html":
            return [_entry("", root, about)], True
        root += "/"
    elif not web:
        about = system.info(root)
        if about["type"] != "directory":
            return [_entry("", root, about)], True
    found = [
        _entry(path, about["name"], about) for path, about in _walk(system, root, url, web=web)
    ]
    if web:
        found = in_threads(
            lambda one: _entry(one.path, one.at, system.info(one.at)), found, threads=THREADS
        )
    return found, False


def _walk(system: Any, root: str, url: str, *, web: bool) -> Iterator[tuple[str, dict[str, Any]]]:
    """(path below the root, what the store says) of every file that is not hidden."""
    todo, count = [("", root)], 0
    while todo:
        above, at = todo.pop()
        for about in system.ls(at, detail=True):
            name = _link(about["name"], at) if web else _last(about, at)
            if name is None:
                continue
            path = f"{above}/{name}" if above else name
            require_part(name, path, url)
            if is_hidden(name):
                continue
            count += 1
            if count > MOST or path.count("/") >= DEEPEST:
                raise DataError(
                    f"Expected at most {MOST:,} files and folders, {DEEPEST} in each other, under "
                    f"{url}, got more. Try a folder in it"
                )
            if about["type"] == "directory":
                todo.append((path, about["name"]))
            else:
                yield (
                    path,
                    {**about, "name": html.unescape(about["name"]) if web else about["name"]},
                )


def _last(about: Mapping[str, Any], above: str) -> str | None:
    """The name of an entry in its folder; None: it is the folder itself, as S3 has them."""
    name = str(about["name"])
    here = name.strip("/") == above.strip("/")
    if here and about["type"] != "directory":
        return None
    return "" if here else name.removesuffix("/").rpartition("/")[2]


def _link(link: str, above: str) -> str | None:
    """The name that a link of a page stands for; None: it leads elsewhere."""
    rest = html.unescape(link).removeprefix(above.rstrip("/") + "/").removeprefix("./")
    if re.match(r"\.\./|\?|#|[A-Za-z][A-Za-z0-9+.-]*:", rest) or "?" in rest or not rest.strip("/"):
        return None
    name = rest.removesuffix("/")
    return None if "/" in name and ".." not in name else unquote(name, errors="surrogateescape")


def _entry(path: str, at: str, about: Mapping[str, Any]) -> Entry:
    size = about.get("size")
    version = next((f"{key} {about[key]}" for key in _VERSIONS if about.get(key)), None)
    size = int(size) if isinstance(size, (int, float)) and size >= 0 else None
    return Entry(path, at, size, version, _said_digest(about))


def _said_digest(about: Mapping[str, Any]) -> Digest | None:
    """The digest of a file that its store says."""
    large = about.get("lfs")
    if large and (value := getattr(large, "sha256", None) or dict(large).get("sha256")):
        return Digest("sha256", str(value).lower())
    if about.get("blob_id") and re.fullmatch(r"[0-9a-f]{40}", str(about["blob_id"])) and not large:
        return Digest("git", str(about["blob_id"]))
    for key in ("md5Hash", "Content-MD5"):
        if about.get(key):
            try:
                return Digest("md5", base64.b64decode(str(about[key]), validate=True).hex())
            except ValueError:
                continue
    etag = str(about.get("ETag") or "").strip('"')
    if "StorageClass" in about and re.fullmatch(r"[0-9a-f]{32}", etag):
        return Digest("md5", etag, sure=False)
    return None


def _digest(path: Path, algorithm: str) -> str:
    if algorithm == "git":
        content = hashlib.sha1(f"blob {path.stat().st_size}\0".encode(), usedforsecurity=False)
    else:
        content = hashlib.new(algorithm, usedforsecurity=False)
    with path.open("rb") as file:
        while part := file.read(2**20):
            content.update(part)
    return content.hexdigest()


def _limited(size: int | None) -> Any:
    """A callback of fsspec that ends a transfer of more bytes than are listed."""
    callbacks = require("fsspec.callbacks", extra="remote")

    class Limited(callbacks.Callback):  # type: ignore[misc, name-defined]
        def relative_update(self, inc: int = 1) -> None:
            self.value += inc
            if size is not None and self.value > size:
                raise _TooLongError(f"more than the {size:,} bytes that are listed")

    return Limited()


class _TooLongError(Exception):
    """More bytes than were listed."""


class _GoneError(DataError):
    """What is not there, or not for us: no use in asking again."""


@contextmanager
def _told(url: str) -> Iterator[None]:
    """Within the block whatever a library raises becomes one line of the URL."""
    try:
        yield
    except (DataError, KeyboardInterrupt, GeneratorExit):
        raise
    except Exception as error:  # libraries of stores raise many kinds
        if isinstance(error, OSError) and error.errno in _OF_DISK:
            raise
        raise _in_words(error, url) from error


def _in_words(error: Exception, url: str) -> DataError:
    """What a library raised, as a line with advice; the error itself where the disk is to blame."""
    module = _MODULES.get(scheme_of(url), "")
    names = {kind.__name__ for one in _causes(error) for kind in type(one).__mro__}
    status = next((s for one in _causes(error) if (s := _status(one)) is not None), None)
    denied = f"Expected to read {url}, got %s. Try: {_CREDENTIALS.get(module, 'credentials')}"
    if names & _UNREACHED:
        return _no_answer(error, url)
    if names & {"NoCredentialsError", "PartialCredentialsError", "DefaultCredentialsError"}:
        return _GoneError(denied % "no credentials")
    if names & {"PermissionError", "GatedRepoError"} or status in (401, 403):
        return _GoneError(denied % f"no access ({status or 'denied'})")
    if status == 404 or (isinstance(error, FileNotFoundError) and status is None):
        return _GoneError(f"Expected data at {url}, got none there. Try: its exact name")
    if isinstance(error, ValueError) and "rotocol" in str(error):
        return _GoneError(
            f"Expected a URL that fsspec knows, got {url}. Try: s3://, gs://, hf:// or https://"
        )
    if isinstance(error, ImportError):
        return _GoneError(f"Expected a library for {url}, got: {last_words(error)}. Try: that")
    return _no_answer(error, url)


def _no_answer(error: Exception, url: str) -> DataError:
    cause = list(_causes(error))[-1]
    return DataError(
        f"Expected an answer from {url}, got {type(cause).__name__}: {public(last_words(cause))}. "
        "Try: the network and the address, then the command again"
    )


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    for _ in range(10):
        if error is None:
            return
        yield error
        error = error.__cause__ or error.__context__


def _status(error: BaseException) -> int | None:
    for one in (error, getattr(error, "response", None)):
        for key in ("status", "status_code", "code"):
            found = getattr(one, key, None)
            if isinstance(found, int) and 100 <= found < 600:
                return found
    return None


def _refuse_empty(url: str) -> NoReturn:
    shown = public(url)
    if scheme_of(url) in ("http", "https"):
        raise _GoneError(
            f"Expected a page that lists the files of {shown}, got one without such links. "
            f"Try: an archive of the folder, {shown.rstrip('/')}.zip"
        )
    raise _GoneError(f"Expected files under {shown}, got none. Try: its exact name")
