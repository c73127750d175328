"""Files of models: small ones, mutants that stay archives, HDF5 or safetensors, what loads them."""

import io
import json
import random
import struct
import zipfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from campare.errors import CampareError
from fuzz.mutate import STRUCTURED, of_bytes, of_json


def _keras_model() -> Any:
    import keras

    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Conv2D(2, 3, activation="relu", name="conv"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(2, name="head"),
        ]
    )


def keras(suffix: str, at: Callable[[], Path]) -> Callable[[], Sequence[bytes]]:
    """A network as Keras saves it."""

    def made() -> Sequence[bytes]:
        path = at() / f"seed{suffix}"
        _keras_model().save(path)
        return [path.read_bytes()]

    return made


def _torch_model() -> Any:
    import torch

    return torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.Linear(2, 2))


def torch() -> Sequence[bytes]:
    """A state dict, one inside a checkpoint of Lightning's kind, and a list."""
    import torch

    state = _torch_model().state_dict()
    found = []
    for content in (state, {"state_dict": state, "epoch": 3, "hyper_parameters": {}}, [1, "a"]):
        file = io.BytesIO()
        torch.save(content, file)
        found.append(file.getvalue())
    old = io.BytesIO()
    torch.save(state, old, _use_new_zipfile_serialization=False)
    return [*found, old.getvalue()]


def safetensors() -> Sequence[bytes]:
    """A state dict."""
    from safetensors.torch import save

    return [save(_torch_model().state_dict(), {"format": "pt"})]


def of_archive(rng: random.Random, content: bytes, seeds: Sequence[bytes]) -> bytes:
    """A member, changed by its kind, renamed, doubled or left out; the archive is whole."""
    if not zipfile.is_zipfile(io.BytesIO(content)):
        return of_bytes(rng, content, seeds)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = [[info.filename, archive.read(info)] for info in archive.infolist()]
    one, how = rng.choice(members), rng.randrange(8)
    if how == 0:
        members.remove(one)
    elif how == 1:
        one[0] = rng.choice(["x", f"../{one[0]}", f"/{one[0]}", rng.choice(members)[0]])
    elif str(one[0]).endswith(".json"):
        one[1] = of_json(rng, one[1])  # type: ignore[arg-type]
    elif str(one[0]).endswith(".h5"):
        one[1] = of_hdf5(rng, one[1])  # type: ignore[arg-type]
    else:
        one[1] = of_bytes(rng, one[1], seeds)  # type: ignore[arg-type]
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in members:
            archive.writestr(str(name), data)
    return file.getvalue()


def of_hdf5(rng: random.Random, content: bytes, _: Sequence[bytes] = ()) -> bytes:
    """A text of JSON, an attribute or an array, changed; or bytes."""
    import h5py

    file, found = io.BytesIO(content), []
    with h5py.File(file, "r+") as opened:
        opened.visititems(lambda name, __: found.append(name))
        holder = opened[rng.choice(["/", *found])]
        how, names = rng.randrange(5), list(holder.attrs)
        if how == 0 and "model_config" in opened.attrs:
            text = opened.attrs["model_config"]
            text = text.encode() if isinstance(text, str) else bytes(text)
            opened.attrs["model_config"] = of_json(rng, text).decode()
        elif how == 1 and names:
            del holder.attrs[rng.choice(names)]
        elif how == 2 and names:
            holder.attrs[rng.choice(names)] = rng.choice([0, "x", [b"a", b"b"], 1.5, b"\xff"])
        elif how == 3 and holder.name != "/":
            del opened[holder.name]
        elif found:
            name = rng.choice(found)
            del opened[name]
            opened[name] = rng.choice([0.0, [1.0, 2.0], "text", [[1, 2], [3, 4]]])
    return file.getvalue()


def of_safetensors(rng: random.Random, content: bytes, _: Sequence[bytes] = ()) -> bytes:
    """The header as JSON, changed; its length is right."""
    size = int.from_bytes(content[:8], "little")
    head = of_json(rng, content[8 : 8 + size])
    if rng.random() < 0.3:
        entries = json.loads(head)
        for one in entries.values():
            if isinstance(one, dict) and "dtype" in one:
                one["dtype"] = rng.choice(["F64", "BF16", "I64", "BOOL", "F8_E4M3", "x", 3])
        head = json.dumps(entries).encode()
    return struct.pack("<Q", len(head)) + head + content[8 + size :]


def load(at: Callable[[], Path], suffix: str, content: bytes) -> None:
    """What an audit does with such a file before it is evaluated."""
    from campare.models.loaders import load as load_model
    from campare.models.loaders.header import require_readable

    path = at() / f"fuzzed{suffix}"
    path.write_bytes(content)
    with suppress(CampareError):
        require_readable(path)  # loading says it, too
    load_model(path)


def fit(at: Callable[[], Path], suffix: str, content: bytes) -> None:
    """Weights for a module of torch."""

    from campare.models.loaders.torch_files import fill

    path = at() / f"fuzzed{suffix}"
    path.write_bytes(content)
    fill(_torch_model(), path, what="a network")


STRUCTURED["archive"] = of_archive
STRUCTURED["hdf5"] = of_hdf5
STRUCTURED["safetensors"] = of_safetensors
