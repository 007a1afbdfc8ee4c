"""The error tree. Every error says what is wrong, where, and what to do; only `cli.py` turns one into an exit code.

FactoryError                 what this project raises on purpose; the rest is a defect
├── JobError                 the job, its template, rubric or arguments are wrong       exit 2
│   └── InputError           the briefs cannot be read at all (missing, empty, denied)  exit 2
├── StorageError             a file or object could not be listed, read or written      exit 1
├── EngineError              the engine could not start, or died                        exit 1
├── PictureError                a picture cannot be used: one creative is refused, the run continues
├── OutputError              the output belongs to another job, or is damaged           exit 2
├── QuarantineRateError      more rows were refused than the job allows                 exit 1
└── ConservationError        counts do not add up: a defect, never hidden               exit 1
"""


class FactoryError(Exception):
    """Base of the tree. `hint` says what to do; `retryable` whether the same call may succeed later."""

    retryable = False
    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n  fix: {self.hint}" if self.hint else self.message


class JobError(FactoryError):
    """The job, its template, its rubric or an argument is wrong."""

    exit_code = 2


class InputError(JobError):
    """The briefs cannot be read at all."""


class StorageError(FactoryError):
    """A file or object could not be listed, read or written."""

    retryable = True


class EngineError(FactoryError):
    """The engine could not start, or died."""

    retryable = True


class PictureError(FactoryError):
    """A picture cannot be fetched, read or made. `reason` is a short code, such as "too_large"."""

    def __init__(self, reason: str, message: str, hint: str = "", retryable: bool = False) -> None:
        super().__init__(message, hint)
        self.args = (reason, message, hint, retryable)  # what pickle builds it from again
        self.reason = reason
        self.retryable = retryable


class OutputError(FactoryError):
    """The output belongs to another job, or is damaged."""

    exit_code = 2


class QuarantineRateError(FactoryError):
    """More rows were refused than the job allows."""


class ConservationError(FactoryError):
    """The counts do not add up. This is a defect of the factory."""
