"""Work spread over a Dask cluster."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import ExitStack, suppress
from importlib.util import find_spec
from typing import Any

from frugally.errors import FrugallyError, MissingExtraError


def cluster_executor(
    stack: ExitStack, address: str, purpose: str, end: Callable[[], None] = lambda: None
) -> tuple[Callable[[], Executor], int]:
    """What makes an executor of a cluster, and how many workers that has.

    The connection is closed with the stack; before that each worker does what is to `end` there.

    Raises:
        MissingExtraError: Dask is not installed.
        FrugallyError: no cluster answers there, or it has no workers.
    """
    if find_spec("distributed") is None:
        raise MissingExtraError("distributed", "cluster", purpose)
    from distributed import Client

    try:
        client = stack.enter_context(Client(address, timeout="20s"))
    except (OSError, ValueError, TypeError) as error:
        raise FrugallyError(
            f"no cluster answers at {address}: {error}", hint="start one with `dask scheduler`"
        ) from error
    count = len(client.scheduler_info(n_workers=-1)["workers"])
    if not count:
        raise FrugallyError(f"the cluster at {address} has no workers", hint="dask worker ADDRESS")
    stack.callback(_ended, client, end)
    return lambda: client.get_executor(pure=False), count


def _ended(client: Any, end: Callable[[], None]) -> None:
    with suppress(OSError, ValueError):  # there may be no cluster any more
        client.run(end, on_error="ignore")  # a worker on which nothing runs has nothing to end
