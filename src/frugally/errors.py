"""The exceptions a user can meet, each with an exit code and a hint.

FrugallyError                   exit 1
├── UsageError                  exit 2   the request itself makes no sense
├── NoAnswerError               exit 3   the sources hold no answer
├── BudgetError                 exit 4   a stated limit cannot be met
├── SourceError                 exit 1   a file could not be read; it is skipped and counted
├── CollectionError             exit 1   a collection cannot be opened or written
│   ├── CorruptionError                  a file is not what the manifest says
│   ├── FormatVersionError               written by a newer frugally
│   ├── AnalyserMismatchError            asked to open with another analyser than it was built with
│   └── LockedError                      another process is writing
├── NetError                    exit 1   a saved net cannot be loaded or run
├── FitError                    exit 1   training went wrong and was stopped
├── ReaderError                 exit 1   a server that reads gave no reply that can be used
└── MissingExtraError           exit 1   an optional dependency is not installed
"""

from typing import ClassVar


class FrugallyError(Exception):
    """What went wrong and why, in one line, and a hint that says what to do next."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return self.message


class UsageError(FrugallyError):
    """The request itself makes no sense: an empty question, a path that does not exist."""

    exit_code = 2


class NoAnswerError(FrugallyError):
    """The sources hold no answer that the reader trusts."""

    exit_code = 3


class BudgetError(FrugallyError):
    """A stated limit cannot be met; the message names the smallest that could."""

    exit_code = 4


class SourceError(FrugallyError):
    """A file could not be turned into documents."""


class CollectionError(FrugallyError):
    """A collection cannot be opened or written."""


class CorruptionError(CollectionError):
    """A file of the collection is missing or is not what the manifest says."""


class FormatVersionError(CollectionError):
    """The collection was written by a newer frugally."""


class AnalyserMismatchError(CollectionError):
    """The collection was built with another analyser than the one asked for."""


class LockedError(CollectionError):
    """Another process is writing to the collection."""


class NetError(FrugallyError):
    """A saved net cannot be loaded or run."""


class FitError(FrugallyError):
    """Training went wrong and was stopped; what was good is kept."""


class ReaderError(FrugallyError):
    """A server that reads passages cannot be reached, or gave no reply that can be used."""


class MissingExtraError(FrugallyError):
    """An optional dependency is not installed."""

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        super().__init__(
            f"{purpose} needs {package}, which is not installed",
            hint=f"pip install 'frugally[{extra}]'",
        )
