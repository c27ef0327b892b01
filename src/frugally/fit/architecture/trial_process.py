"""A process of its own for trials: what hangs is killed, what crashes takes nothing with it.

    python -m frugally.fit.architecture.trial_process

reads a workplace as a line of JSON, says that it is ready, and then reads a job a line and writes
what came of it as a line. It ends when nobody is there to write to it any more. `InProcess` keeps
one for each thread that tries cells, so that any executor will do: a pool of threads is one of
processes too.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from queue import Empty, Queue
from tempfile import TemporaryFile
from typing import Any

from frugally.errors import FitError
from frugally.fit.architecture.evaluator import Score
from frugally.fit.architecture.workplace import Evaluators, PicturesChangedError, Workplace
from frugally.fit.memory import keep_freed_memory
from frugally.nets.vision.cells.cell import Cell
from frugally.nets.vision.cells.stacking import Stack

_START = 600.0  # seconds until it is ready: pictures may have to be decoded
_SELF = (sys.executable, "-m", "frugally.fit.architecture.trial_process")


class TrialTimeoutError(Exception):
    """A trial took longer than it may; its process was killed."""


class TrialDiedError(Exception):
    """The process of a trial ended before the trial did."""


class TrialStartError(Exception):
    """A process for trials could not be made ready."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A cell, and who is to say what it is worth, with which seed, for how many passes.

    `stack` is how its network is stacked, if it is not as the workplace says.
    """

    cell: Cell
    evaluator: str
    seed: int
    passes: float
    stack: Stack | None = None

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        stack = None if self.stack is None else asdict(self.stack)
        return {"cell": self.cell.as_dict(), "evaluator": self.evaluator, "seed": self.seed,
                "passes": self.passes, "stack": stack}  # fmt: skip

    @classmethod
    def from_dict(cls, entry: Mapping[str, Any]) -> Job:
        """What `as_dict` gave."""
        stack = None if entry["stack"] is None else Stack(**entry["stack"])
        return cls(**{**entry, "cell": Cell.from_dict(entry["cell"]), "stack": stack})


Measure = Callable[[Job], Score]
"""Does a job, anywhere: it has to travel to the processes of an executor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InProcess:
    """Does jobs in a process of this thread's own, each for at most so many `seconds`.

    Raises, when called:
        FitError: the training diverged.
        PicturesChangedError: the pictures are not those of the workplace.
        TrialTimeoutError: it took too long.
        TrialDiedError: the process died.
        TrialStartError: it could not be made ready.
        RuntimeError: anything else went wrong; the message says what.
    """

    place: Workplace
    seconds: float
    command: tuple[str, ...] = _SELF

    def __call__(self, job: Job) -> Score:
        """The score of a cell."""
        reply = _process(self).ask(job.as_dict(), self.seconds)
        if "error" not in reply:
            return Score(**reply)
        if reply["error"] == FitError.__name__:
            raise FitError(reply["message"])
        raise RuntimeError(f"{reply['error']}: {reply['message']}")


class TrialProcess:
    """A process that answers lines of JSON with lines of JSON."""

    def __init__(self, command: Sequence[str], place: Workplace) -> None:
        self._place, self.folder = place, place.folder
        self._errors = TemporaryFile()  # noqa: SIM115  it is read when the process has died
        try:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors,
                env={**os.environ, "OMP_NUM_THREADS": "1"},
            )  # fmt: skip
        except OSError:
            self._errors.close()
            raise
        self._replies: Queue[bytes] = Queue()
        self._ending = threading.Lock()
        self._last_words = ""
        threading.Thread(target=self._listen, daemon=True).start()
        self.alive = True

    def begin(self) -> None:
        """Make it ready for jobs. Raises `PicturesChangedError` and `TrialStartError`."""
        try:
            ready = self.ask(self._place.as_dict(), _START)
        except (TrialDiedError, TrialTimeoutError) as error:
            raise TrialStartError(str(error)) from error
        if ready != {"ready": True}:
            self.end()
            if ready.get("error") == PicturesChangedError.__name__:
                raise PicturesChangedError(self._place.path)
            raise TrialStartError(f"{ready.get('error')}: {ready.get('message')}")

    def ask(self, request: Mapping[str, Any], seconds: float) -> dict[str, Any]:
        """Its answer. Raises `TrialTimeoutError` and `TrialDiedError`."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
            line = self._replies.get(timeout=seconds)
            return dict(json.loads(line))
        except Empty:
            self.end()
            raise TrialTimeoutError(f"it took longer than {seconds:g} s") from None
        except (OSError, ValueError):  # it is gone; what it was writing is no line
            self.end()
            raise TrialDiedError(f"its process died: {self._last_words}") from None

    def end(self) -> None:
        """Kill it."""
        with self._ending:
            if not self.alive:
                return
            self.alive = False
            self._process.kill()
            code = self._process.wait()
            with suppress(OSError):
                if self._process.stdin is not None:
                    self._process.stdin.close()
            with self._errors:
                self._errors.seek(0)
                lines = self._errors.read().decode(errors="replace").strip().splitlines()
            self._last_words = lines[-1][:300] if lines else f"exit code {code}"

    def _listen(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                self._replies.put(line)
        self._replies.put(b"")


_own = threading.local()
_all: set[TrialProcess] = set()
_lock = threading.Lock()


def _process(wanted: InProcess) -> TrialProcess:
    """The process of this thread, started if there is none that lives."""
    key, process = getattr(_own, "kept", (None, None))
    if process is None or not process.alive or key != wanted:
        if process is not None:
            process.end()
        try:
            process = TrialProcess(wanted.command, wanted.place)
        except OSError as error:
            raise TrialStartError(str(error)) from error
        _own.kept = (wanted, process)
        with _lock:  # before it is ready: one that is being made ready can be ended too
            _all.difference_update([one for one in _all if not one.alive])
            _all.add(process)
        process.begin()
    return process


def end_all(folder: str) -> None:
    """Kill the processes of all threads that try cells for the search in a workplace's folder.

    Nobody waits for what they are at; those of other searches go on.
    """
    with _lock:
        for process in [one for one in _all if one.folder == folder]:
            process.end()
            _all.remove(process)


def main() -> None:
    """Be such a process."""
    # What libraries print must not be taken for an answer.
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def say(reply: Mapping[str, Any]) -> None:
        replies.write(json.dumps(reply) + "\n")
        replies.flush()

    requests = _requests()
    try:
        keep_freed_memory()
        evaluators = Evaluators(Workplace.from_dict(next(requests)))
    except Exception as error:
        say(_told(error))
        return
    say({"ready": True})
    for request in requests:
        job = Job.from_dict(request)
        try:
            say(asdict(evaluators.evaluate(
                job.evaluator, job.cell, job.seed, job.passes, job.stack
            )))  # fmt: skip
        except Exception as error:
            say(_told(error))


def _told(error: Exception) -> dict[str, str]:
    return {"error": type(error).__name__, "message": str(error)}


def _requests() -> Iterator[dict[str, Any]]:
    """What is asked, while whoever asks is there: without them nothing is worth finishing."""
    asked: Queue[bytes] = Queue()

    def listen() -> None:
        for line in sys.stdin.buffer:
            asked.put(line)
        os._exit(0)

    threading.Thread(target=listen, daemon=True).start()
    while True:
        yield json.loads(asked.get())


if __name__ == "__main__":
    main()
