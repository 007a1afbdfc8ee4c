"""Whether a text-to-image pipeline can be loaded, told from the names of its files: before the start, without its library."""

import posixpath
import re
from importlib.util import find_spec
from pathlib import Path

from factory.engines.models.resolve import IMAGE_INDEX
from factory.errors import JobError
from factory.storage.store import Store

WHERE = "images.backdrop.model"
_SAFE = ".safetensors"
_PICKLED = re.compile(r"(diffusion_pytorch_model|pytorch_model|model)[\w.-]*\.(bin|pt|pth|ckpt)")


def check_pipeline(name: str) -> None:
    """Raise JobError for a folder, local or s3://, that holds no pipeline, or one whose weights would have to be unpickled.

    Of a hub id nothing is asked here. Also raises JobError when the library is not installed, StorageError when S3 fails.
    """
    if find_spec("diffusers") is None:
        raise JobError(
            "images.backdrop.engine diffusers needs the library diffusers",
            "pip install 'content-factory[diffusers]', or take engine: procedural",
        )
    if not name.startswith("s3://") and not Path(name).expanduser().is_dir():
        return
    store = Store(name if name.startswith("s3://") else str(Path(name).expanduser()), is_input=True)
    paths = [info.path for info in store.list()]
    if IMAGE_INDEX not in paths:
        raise JobError(
            f"{WHERE}: {store.uri} holds no {IMAGE_INDEX}",
            "name a text-to-image pipeline in diffusers' layout: the folder with that file and its parts in folders",
        )
    safe = {posixpath.dirname(path) for path in paths if path.endswith(_SAFE)}
    for path in sorted(paths):
        folder, file = posixpath.split(path)
        if folder and folder not in safe and _PICKLED.fullmatch(file):
            raise JobError(
                f"{WHERE}: {store.uri}/{path} is a pickle, which may run code when it is loaded, and no safetensors "
                "file is beside it",
                "save the pipeline with safe_serialization=True, or name one that has safetensors weights",
            )
    if not safe:
        raise JobError(f"{WHERE}: {store.uri} holds no {_SAFE} weights", "name a whole pipeline, weights included")
