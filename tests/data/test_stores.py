"""The libraries of stores themselves, on servers of this machine."""

import base64
import hashlib
import http.server
import json
import re
import threading
from contextlib import contextmanager
from urllib.parse import parse_qs, unquote

import pytest

from campare.data import ImageSet
from campare.data.folder import write_folder
from campare.data.mirror import mirrored
from campare.errors import DataError
from campare.models.loaders import load

PETS = {"cat/1.png": b"1", "cat/ä b+.png": b"22", "dog/1.png": b"333"}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def fetched(url):
    said = []
    copy = mirrored(url, say=said.append)
    return {
        path.relative_to(copy.path).as_posix(): path.read_bytes()
        for path in copy.path.rglob("*")
        if path.is_file()
    }, said


@pytest.fixture(scope="module")
def moto():
    """The address of a server of S3, with a bucket."""
    server = pytest.importorskip("moto.server").ThreadedMotoServer(port=0, verbose=False)
    pytest.importorskip("s3fs")
    server.start()
    _, port = server.get_host_and_port()
    yield f"http://127.0.0.1:{port}"
    server.stop()


@pytest.fixture
def bucket(moto, tmp_path, monkeypatch):
    """A function that puts an object into the bucket; the environment has what reads it."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    import boto3

    client = boto3.client("s3")
    client.create_bucket(Bucket="bucket")
    yield lambda key, content: client.put_object(
        Bucket="bucket", Key=key, Body=content, ACL="public-read"
    )
    for one in client.list_objects_v2(Bucket="bucket").get("Contents", []):
        client.delete_object(Bucket="bucket", Key=one["Key"])
    client.close()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
class TestS3:
    def test_a_folder_is_fetched_and_then_what_changed(self, bucket):
        for name, content in {**PETS, "": b"", "cat/": b"", ".git/x": b""}.items():
            bucket(f"pets/{name}", content)
        files, said = fetched("s3://bucket/pets")
        assert files == PETS
        assert "6 B in 3 files" in said[0]
        assert fetched("s3://bucket/pets/") == (PETS, [])
        bucket("pets/dog/1.png", b"444")
        files, said = fetched("s3://bucket/pets")
        assert files == {**PETS, "dog/1.png": b"444"}
        assert "3 B in 1 file" in said[0]

    @pytest.mark.parametrize("key", ["../x", "a/../x", "cat//1.png", "/abs", "CAT/1.png", "a\\b"])
    def test_names_that_are_none_of_files_below_are_refused(self, bucket, key):
        for name, content in {**PETS, key: b""}.items():
            bucket(f"pets/{name}", content)
        with pytest.raises(DataError, match=r"Expected names .*Try"):
            fetched("s3://bucket/pets")

    def test_no_bucket_no_credentials_and_the_advice(self, bucket, monkeypatch):
        bucket("pets/a", b"1")
        for url in ("s3://nobucket/pets", "s3://bucket/none"):
            with pytest.raises(DataError, match=f"Expected data at {url}, got none there"):
                fetched(url)
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
        with pytest.raises(DataError, match="no credentials") as caught:
            fetched("s3://bucket/pets")
        import fsspec.config

        advised = re.search("FSSPEC_S3='(.*)'", str(caught.value))[1]
        monkeypatch.setattr(fsspec.config, "conf", {})
        monkeypatch.setitem(fsspec.config.apply_config.__globals__, "conf", {})
        fsspec.config.set_conf_env(
            fsspec.config.apply_config.__globals__["conf"], {"FSSPEC_S3": advised}
        )
        assert fetched("s3://bucket/pets")[0] == {"a": b"1"}

    def test_an_audit_reads_data_and_model(self, bucket, tmp_path):
        import keras

        folder = write_folder(ImageSet.drawn(train=4, test=4, size=32), tmp_path / "drawn")
        for path in folder.rglob("*.png"):
            bucket(f"drawn/{path.relative_to(folder).as_posix()}", path.read_bytes())
        images = ImageSet.from_folder("s3://bucket/drawn")
        assert images.fingerprint == ImageSet.from_folder(folder).fingerprint
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
        model.save(tmp_path / "a.keras")
        bucket("a.keras", (tmp_path / "a.keras").read_bytes())
        assert load("s3://bucket/a.keras").name == "a"


@contextmanager
def serving(answer):
    """The address of a server that answers GET and HEAD with (status, headers, content)."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def do_GET(self):
            status, headers, content = answer(unquote(self.path), self.headers)
            self.send_response(status)
            for name, value in {"Content-Length": str(len(content)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(content)

        do_HEAD = do_GET  # noqa: N815

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def hub(files, asked):
    """Answers as Hugging Face's hub does for the data set a/pets."""

    def tree(folder):
        above = f"{folder}/" if folder else ""
        inside = [name.removeprefix(above) for name in files if name.startswith(above)]
        for name in {rest.partition("/")[0] for rest in inside if "/" in rest}:
            yield {"type": "directory", "path": above + name, "oid": "0" * 40, "size": 0}
        for name in (rest for rest in inside if "/" not in rest):
            content = files[above + name]
            oid = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
            yield {"type": "file", "path": above + name, "oid": oid, "size": len(content)}

    def answer(path, _):
        asked.append(path)
        path = path.partition("?")[0]
        if path.startswith("/api/datasets/a/pets/tree/main"):
            folder = path.removeprefix("/api/datasets/a/pets/tree/main").strip("/")
            content = json.dumps(list(tree(folder))).encode()
            return 200, {"Content-Type": "application/json"}, content
        if path.startswith("/api/datasets/a/pets"):
            about = {"id": "a/pets", "sha": "1" * 40, "private": False, "tags": [], "downloads": 0,
                     "siblings": [], "disabled": False, "likes": 0, "gated": False}  # fmt: skip
            return 200, {"Content-Type": "application/json"}, json.dumps(about).encode()
        name = path.partition("/resolve/main/")[2]
        if name in files:
            return 200, {"ETag": '"x"', "X-Repo-Commit": "1" * 40}, files[name]
        return 404, {"X-Error-Code": "RepoNotFound"}, b""

    return answer


def test_a_data_set_of_hugging_faces_hub(monkeypatch):
    pytest.importorskip("huggingface_hub")
    fsspec = pytest.importorskip("fsspec")
    files, asked = dict(PETS), []
    with serving(hub(files, asked)) as address:
        monkeypatch.setitem(fsspec.config.conf, "hf", {"endpoint": address, "token": False})
        assert fetched("hf://datasets/a/pets")[0] == PETS
        assert fetched("hf://datasets/a/pets") == (PETS, [])
        assert fetched("hf://datasets/a/pets/cat")[0] == {"1.png": b"1", "ä b+.png": b"22"}
        with pytest.raises(DataError, match=r"Expected .*hf://datasets/a/none"):
            fetched("hf://datasets/a/none")


def google(files, asked):
    """Answers as Google's storage does for the bucket `pets`, with digests of the files."""

    def about(name):
        digest = base64.b64encode(hashlib.md5(files[name]).digest()).decode()
        return {"name": name, "bucket": "pets", "size": str(len(files[name])), "md5Hash": digest,
                "generation": "1", "updated": "2026-01-01T00:00:00.000Z"}  # fmt: skip

    def listing(prefix):
        inside = [name for name in files if name.startswith(prefix)]
        folders = {n[: n.index("/", len(prefix)) + 1] for n in inside if "/" in n[len(prefix) :]}
        items = [about(name) for name in inside if "/" not in name[len(prefix) :]]
        return {"kind": "storage#objects", "items": items, "prefixes": sorted(folders)}

    def answer(path, _):
        asked.append(path)
        path, _, query = path.partition("?")
        name = path.partition("/b/pets/o/")[2]
        kind = {"Content-Type": "application/json"}
        if path.rstrip("/").endswith("/b/pets/o"):
            prefix = parse_qs(query).get("prefix", [""])[0]
            return 200, kind, json.dumps(listing(prefix)).encode()
        if path.endswith("/b/pets"):
            return 200, kind, json.dumps({"name": "pets", "kind": "storage#bucket"}).encode()
        if name in files and ("alt=media" in query or "/download/" in path):
            return 200, {}, files[name]
        if name in files:
            return 200, kind, json.dumps(about(name)).encode()
        return 404, kind, b'{"error": {"code": 404, "message": "none"}}'

    return answer


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_a_bucket_of_google(monkeypatch, tmp_path):
    pytest.importorskip("gcsfs")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    files = {f"all/{name}": content for name, content in PETS.items()}
    with serving(google(files, [])) as address:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", address)
        assert fetched("gs://pets/all")[0] == PETS
        assert fetched("gs://pets/all") == (PETS, [])
        files["all/dog/1.png"] = b"444"
        again, said = fetched("gs://pets/all")
        assert again == {**PETS, "dog/1.png": b"444"}
        assert "3 B in 1 file" in said[0]
        with pytest.raises(DataError, match="Expected data at gs://pets/none, got none there"):
            fetched("gs://pets/none")
