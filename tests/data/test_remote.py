import base64
import functools
import hashlib
import http.server
import socket
import threading
import time

import pytest

from campare.data import remote
from campare.data.remote import open_store
from campare.errors import DataError, MissingExtraError

pytest.importorskip("fsspec")
from shelf import Shelf

PETS = {"pets/cat/1.png": b"1", "pets/cat/ä b+%.png": b"22", "pets/dog/1.png": b"333"}


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves a folder, or refuses where it is told to."""

    status: int | None = None

    def log_message(self, *_):
        pass

    def do_GET(self):
        if self.status is not None:
            self.send_error(self.status)
        else:
            super().do_GET()

    do_HEAD = do_GET  # noqa: N815  bodies of HEAD are left out by the client


@pytest.fixture
def web(tmp_path):
    """A folder and the address under which a server of this machine lists it."""
    pytest.importorskip("aiohttp")
    root = tmp_path / "web"
    for name, content in PETS.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    handler = type("Handler", (Quiet,), {})
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(handler, directory=str(root))
    )
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield root, f"http://127.0.0.1:{server.server_port}", handler
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_store_lists_what_is_below_a_folder_and_copies_it(tmp_path):
    Shelf.fill({**PETS, "pets/.git/x": b"", "other/1.png": b"", "pets2/1.png": b""})
    store = open_store("shelf://pets")
    assert [entry.path for entry in store.entries] == ["cat/1.png", "cat/ä b+%.png", "dog/1.png"]
    assert [entry.size for entry in store.entries] == [1, 2, 3]
    store.copy(store.entries[1], tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == b"22"
    assert not store.is_file


def test_a_file_is_a_store_of_one(tmp_path):
    Shelf.fill(PETS)
    store = open_store("shelf://pets/dog/1.png")
    assert store.is_file
    assert [(entry.path, entry.size) for entry in store.entries] == [("", 3)]


BAD = ["pets/../x", "pets/cat//1.png", "pets/a\\b", "pets/a\nb", "pets/cat", "pets/CAT/1.png",
       "pets/" + "x" * 300,
       "pets/C:/x", "pets/a\udce9", "pets/./a", "pets" + "/a" * 80]  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_names_that_are_none_of_files_below_are_refused_in_one_line(name):
    Shelf.fill({**PETS, name: b""})
    with pytest.raises(DataError, match=r"^Expected .*shelf://pets.*got.*Try") as caught:
        open_store("shelf://pets")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


def test_more_entries_than_a_folder_may_have_are_refused(monkeypatch):
    monkeypatch.setattr(remote, "MOST", 4)
    Shelf.fill({f"pets/{i}": b"" for i in range(4)})
    assert len(open_store("shelf://pets").entries) == 4
    Shelf.fill({f"pets/{i}": b"" for i in range(5)})
    with pytest.raises(DataError, match="Expected at most 4 files and folders"):
        open_store("shelf://pets")


def test_a_file_of_another_size_than_listed_is_refused(tmp_path):
    Shelf.fill(PETS)
    Shelf.about = {"pets/dog/1.png": {"size": 2}, "pets/cat/1.png": {"size": 9}}
    store = open_store("shelf://pets")
    for entry in (store.entries[0], store.entries[2]):
        with pytest.raises(DataError, match=r"Expected .*1.png"):
            store.copy(entry, tmp_path / "a")


def digests(content: bytes) -> list[dict]:
    md5 = hashlib.md5(content)
    git = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
    return [
        {"md5Hash": base64.b64encode(md5.digest()).decode()},
        {"Content-MD5": base64.b64encode(md5.digest()).decode()},
        {"blob_id": git, "lfs": None},
        {"blob_id": git, "lfs": {"sha256": hashlib.sha256(content).hexdigest()}},
        {"ETag": f'"{md5.hexdigest()}"', "StorageClass": "STANDARD"},
    ]


@pytest.mark.parametrize("about", digests(b"1"), ids=lambda about: "+".join(about))
def test_a_digest_that_a_store_says_is_checked(tmp_path, about):
    Shelf.fill(PETS)
    Shelf.about = {"pets/cat/1.png": about}
    entry = open_store("shelf://pets").entries[0]
    assert entry.digest is not None
    open_store("shelf://pets").copy(entry, tmp_path / "a")
    assert Shelf.read == ["pets/cat/1.png"]
    Shelf.files["pets/cat/1.png"] = b"2"
    if entry.digest.sure:
        with pytest.raises(
            DataError, match=r"Expected cat/1.png of shelf://pets with the (md5|sh|g)"
        ):
            open_store("shelf://pets").copy(entry, tmp_path / "a")


def test_an_etag_of_s3_that_is_no_digest_is_noticed_by_fetching_one_file_twice(tmp_path):
    Shelf.fill(PETS)
    Shelf.about = {name: {"ETag": '"' + "0" * 32 + '"', "StorageClass": "S"} for name in PETS}
    store = open_store("shelf://pets")
    for entry in store.entries:
        store.copy(entry, tmp_path / "a")
    assert Shelf.read == [
        "pets/cat/1.png",
        "pets/cat/1.png",
        "pets/cat/ä b+%.png",
        "pets/dog/1.png",
    ]


def test_a_transfer_that_breaks_is_tried_again_and_then_told(tmp_path):
    Shelf.fill(PETS)
    store = open_store("shelf://pets")
    Shelf.faults = {"pets/cat/1.png": [ConnectionResetError("broken"), TimeoutError()]}
    store.copy(store.entries[0], tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == b"1"
    Shelf.faults = {"pets/cat/1.png": [ConnectionResetError("broken")] * 9}
    with pytest.raises(DataError, match=r"answer from shelf://pets/cat/1.png, got Conn"):
        store.copy(store.entries[0], tmp_path / "a")


def test_a_full_disk_is_no_matter_of_the_network(tmp_path):
    Shelf.fill(PETS)
    store = open_store("shelf://pets")
    Shelf.faults = {"pets/cat/1.png": [OSError(28, "No space left on device")]}
    with pytest.raises(OSError, match="No space left"):
        store.copy(store.entries[0], tmp_path / "a")


class NoCredentialsError(Exception):
    """As botocore has one."""


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (PermissionError("AccessDenied"), "no access"),
        (NoCredentialsError("Unable to locate"), "no credentials"),
        (FileNotFoundError("x"), "got none there"),
        (RuntimeError("a\nb https://u:p@host/?token=secret"), "got RuntimeError: a b"),
    ],
)
def test_what_libraries_raise_becomes_a_line_without_secrets(monkeypatch, error, said):
    Shelf.fill(PETS)

    def fails(*_, **__):
        raise error

    monkeypatch.setattr(Shelf, "info", fails)
    with pytest.raises(DataError, match=said) as caught:
        open_store("shelf://user:secret@pets?token=secret")
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_nothing_there_an_unknown_scheme_and_names_in_a_url_are_told():
    Shelf.fill(PETS)
    for url, said in [("shelf://none", "got none there"), ("nosuch://a/b", "URL that fsspec knows"),
                      ("s3://key:secret@bucket/a", "without names and passwords")]:  # fmt: skip
        with pytest.raises(DataError, match=said) as caught:
            open_store(url)
        assert "secret@" not in str(caught.value)


def test_a_library_that_is_missing_is_named_by_its_extra(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "s3fs", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'campare\[remote\]'"):
        open_store("s3://bucket/pets")


def test_a_folder_of_a_web_server_is_listed_by_its_links(web, tmp_path):
    _, address, _ = web
    store = open_store(f"{address}/pets")
    assert [entry.path for entry in store.entries] == ["cat/1.png", "cat/ä b+%.png", "dog/1.png"]
    assert [entry.size for entry in store.entries] == [1, 2, 3]
    assert all("Last-Modified" in entry.version for entry in store.entries)
    store.copy(store.entries[1], tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == b"22"
    assert open_store(f"{address}/pets/dog/1.png?token=secret").is_file


PAGE = """<a href="?C=N;O=D">Name</a> <a href="../">Up</a> <a href="/">Top</a> <a href="#x">x</a>
<a href="mailto:a@b">m</a> <a href="http://example.org/x.png">other</a> <a href="1.png">1</a>
<a href="/pets/sub/b&amp;c.png">deep</a> <a href="./2.png">2</a> http://127.0.0.1/pets/text.png"""


def test_links_that_lead_elsewhere_are_not_followed(web):
    root, address, _ = web
    (root / "pets/index.html").write_text(PAGE)
    for name in ("1.png", "2.png"):
        (root / "pets" / name).write_bytes(b"1")
    assert [entry.path for entry in open_store(f"{address}/pets/").entries] == ["1.png", "2.png"]
    (root / "pets/index.html").write_text('<a href="..%2f..%2fetc%2fpasswd">x</a>')
    with pytest.raises(DataError, match="Expected names of files in"):
        open_store(f"{address}/pets/")


def test_a_server_that_lists_nothing_is_told_with_advice_that_works(web, tmp_path):
    root, address, _ = web
    (root / "pets/index.html").write_text("<p>Welcome")
    with pytest.raises(DataError, match=r"page that lists the files .*Try: an archive") as caught:
        open_store(f"{address}/pets/")
    advised = str(caught.value).rpartition(", ")[2]
    (root / "pets.zip").write_bytes(b"PK")
    assert open_store(advised).is_file


@pytest.mark.parametrize(("status", "said"), [(403, r"no access \(403\)"), (404, "got none there"),
                                              (500, "Expected an answer from")])  # fmt: skip
def test_refusals_of_a_web_server_are_told(web, status, said):
    _, address, handler = web
    handler.status = status
    for url in (f"{address}/pets", f"{address}/pets/"):
        with pytest.raises(DataError, match=said):
            open_store(url)


def test_a_server_that_is_not_there_or_never_answers_is_told_in_time(monkeypatch):
    pytest.importorskip("aiohttp")
    monkeypatch.setattr(remote, "READ", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        start = time.monotonic()
        with pytest.raises(DataError, match="Expected an answer from"):
            open_store(f"http://127.0.0.1:{silent.getsockname()[1]}/pets/")
        assert time.monotonic() - start < 5
        gone = silent.getsockname()[1]
    with pytest.raises(DataError, match="got ConnectionRefusedError"):
        open_store(f"http://127.0.0.1:{gone}/pets/")


def test_what_never_ends_is_cut_off(web, tmp_path):
    _, address, handler = web
    store = open_store(f"{address}/pets")

    def endless(self):
        self.send_response(200)
        self.end_headers()
        with __import__("contextlib").suppress(OSError):
            while True:
                self.wfile.write(bytes(2**16))

    handler.do_GET = endless
    with pytest.raises(DataError, match=r"more than the 1 bytes"):
        store.copy(store.entries[0], tmp_path / "a")
    assert not (tmp_path / "a").exists() or (tmp_path / "a").stat().st_size < 2**25
