"""Image classifiers of Hugging Face transformers: `hf:NAME` of its hub, `hf:FOLDER` of yours."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from campare.errors import ModelError, last_words
from campare.models.described import differs, of_transformers
from campare.models.loaders.loaded import Loaded
from campare.models.loaders.spec import Spec
from campare.models.loaders.torch_files import fill
from campare.models.preprocessing import Preprocessing
from campare.optional import require


def load(spec: Spec, *, trust: bool = False) -> Loaded:
    """An image classifier of a folder or of the hub, with its image processor's preprocessing.

    `checkpoint=FILE` puts other weights into it; other options go to `from_pretrained`.

    Raises:
        ModelError: there is none, it cannot be had, or it runs code of its own and is not trusted.
        MissingExtraError: transformers is not installed.
    """
    library = require("transformers", extra="hf")
    require("torch", extra="torch")
    options = dict(spec.options)
    checkpoint, key = spec.file("checkpoint"), options.pop("key", None)
    options.pop("checkpoint", None)
    folder = Path(spec.name).is_dir()
    fetched = {"trust_remote_code": trust, "local_files_only": folder}
    with _quiet(library):
        try:
            model = library.AutoModelForImageClassification.from_pretrained(
                spec.name, **fetched, **options
            )
        except Exception as error:
            raise _unloaded(spec, folder, error) from error
        found, doubt = _preprocessing(library, spec, fetched)
    if checkpoint is not None:
        fill(model, checkpoint, what=spec.text, trust=trust, key=key)
    weights = checkpoint.name if checkpoint else "the folder" if folder else "its hub"
    return Loaded(
        model.eval(),
        name=spec.own_name,
        preprocessing=found,
        source=f"{spec.text}, weights of {weights}",
        doubt=doubt,
    )


def _preprocessing(
    library: Any, spec: Spec, fetched: dict[str, bool]
) -> tuple[Preprocessing | None, str]:
    """What the image processor says, and what is in doubt: compared with what it does."""
    unknown = f"The preprocessing of {spec.text} is not known: "
    try:
        processor = library.AutoImageProcessor.from_pretrained(spec.name, **fetched)
    except Exception:  # there is none, or it needs what is not installed
        return None, unknown + "it has no image processor that loads."
    config = processor.to_dict()
    kind = type(processor).__name__
    try:
        skipped = dict.fromkeys(("do_resize", "do_rescale", "do_normalize"), False)
        config = {**skipped, **config, "image_processor_type": kind}
        found = of_transformers(config, f"as {kind} of {spec.text} has it")

        def transform(image: Any) -> Any:
            return processor(image, return_tensors="np")["pixel_values"][0]

        differing = differs(found, transform)
    except Exception as error:
        return None, f"{unknown}{kind} cannot be read ({last_words(error, 80)})."
    if differing:
        return None, f"{unknown}{kind} does more than it describes, {differing}."
    return replace(found), ""


def _unloaded(spec: Spec, folder: bool, error: Exception) -> ModelError:
    """Why a model was not loaded."""
    if "trust_remote_code" in str(error):
        return ModelError(
            f"Expected a model of transformers, got {spec.text}, which runs code that its authors "
            "put beside the weights. Try: --trust (trust=True) if you know them"
        )
    where = "in that folder" if folder else "from its hub"
    advice = "model.save_pretrained(FOLDER)" if folder else "hf:FOLDER, downloaded before"
    return ModelError(
        f"Expected an image classifier {where}, got {spec.text}, {type(error).__name__}: "
        f"{last_words(error)}. Try: {advice}"
    )


@contextmanager
def _quiet(library: Any) -> Iterator[None]:
    """Without bars and remarks of the library, which are restored."""
    logging = library.utils.logging
    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()
