"""The job's keys as users write them, with dots: whether one exists, and its default."""

from typing import Any, get_args

from pydantic import BaseModel

from schemas.job import Job


def is_setting(key: str) -> bool:
    """Whether the job has this key."""
    try:
        find_default(key)
    except KeyError:
        return False
    return True


def find_default(key: str) -> Any:
    """The default of a key, None below a mapping, which may hold any. Raises KeyError for one that the job has not."""
    model: type[BaseModel] | None = Job
    default: Any = None
    for part in key.split("."):
        if model is None:
            return None
        field = model.model_fields[part]
        default = field.default
        kinds = [kind for kind in (field.annotation, *get_args(field.annotation)) if isinstance(kind, type)]
        model = next((kind for kind in kinds if issubclass(kind, BaseModel)), None)
    return default
