"""Who carries out the work: this thread, threads, or the workers of a Dask cluster.

Results come in the order of the tasks, whoever finishes first, so that nothing depends on the
engine.
"""

from __future__ import annotations

import contextlib
import socket
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from fcinspect.checkpoints.access.storage import MissingFile
from fcinspect.errors import InputError, UsageError, install_hint

AHEAD = 3
"""Tasks a worker has at most that are done or wait: what they found is kept until its turn."""


@dataclass(frozen=True)
class Task:
    """Something to be carried out by any process: plain data and a function of a module."""

    function: Callable[[], Any]
    """What is called."""
    words: str
    """What is then read, for a refusal."""

    def __call__(self) -> Any:
        """Carry it out."""
        return self.function()


@dataclass(frozen=True)
class Engine:
    """Carries out tasks."""

    executor: Executor | None = None
    """None: the calling thread carries them out."""
    workers: int = 1
    """How many tasks are carried out at a time."""
    lost: tuple[type[BaseException], ...] = ()
    """What is raised when no worker survives a task."""
    elsewhere: bool = False
    """Whether workers have a folder of their own that paths would start from, and maybe a disk."""

    def run(self, tasks: Iterable[Task]) -> Iterator[Any]:
        """Yield the results in the order of the tasks; raises what a task raised.

        Raises InputError that names the task where workers are lost at it again and again.
        """
        if self.executor is None:
            for task in tasks:
                yield task()
            return
        waiting: deque[tuple[Task, Future[Any]]] = deque()
        try:
            for task in tasks:
                waiting.append((task, self.executor.submit(task)))
                if len(waiting) >= AHEAD * self.workers:
                    yield self._result(*waiting.popleft())
            while waiting:
                yield self._result(*waiting.popleft())
        finally:
            for _, future in waiting:
                future.cancel()

    def _result(self, task: Task, future: Future[Any]) -> Any:
        try:
            return future.result()
        except MissingFile as missing:
            if not self.elsewhere:
                raise
            raise InputError(
                f"a worker: {missing}",
                hint="workers have to find the same files under the same paths",
            ) from None
        except self.lost:
            raise InputError(
                f"workers were lost again and again while they read {task.words}",
                hint="--only leaves it out; a worker may have too little memory",
            ) from None


@contextlib.contextmanager
def local(workers: int) -> Iterator[Engine]:
    """Yield an engine of so many threads; numpy lets them work side by side."""
    if workers == 1:
        yield Engine()
        return
    pool = ThreadPoolExecutor(workers, thread_name_prefix="scan")
    try:
        yield Engine(pool, workers)
    finally:
        pool.shutdown(cancel_futures=True)


@contextlib.contextmanager
def dask(address: str, patience: float = 10.0) -> Iterator[Engine]:
    """Yield an engine of the workers of a Dask scheduler, "tcp://host:8786".

    Raises UsageError for what is no address; InputError where the scheduler does not answer within
    `patience` seconds or has no workers.
    """
    try:
        from distributed import Client, KilledWorker
    except ImportError:
        raise InputError(
            f"--scheduler {address} needs Dask; without it the scan runs on this machine",
            hint=install_hint("distributed"),
        ) from None
    threads = _threads_of(address, patience)
    client = Client(address, timeout=patience, set_as_default=False)
    try:
        yield Engine(client.get_executor(pure=False), threads, (KilledWorker,), elsewhere=True)
    finally:
        client.close()


def _threads_of(address: str, patience: float) -> int:
    """Ask a scheduler how many threads its workers have; a client that fails leaves more behind."""
    import asyncio

    from distributed import rpc

    _require_listener(address, patience)

    async def ask() -> int:
        async with rpc(address, timeout=patience) as scheduler:
            told = await asyncio.wait_for(scheduler.identity(), patience)
            return int(told["total_threads"])

    try:
        threads = asyncio.run(ask())
    except (OSError, ValueError, TimeoutError, KeyError, TypeError) as error:
        said = " ".join(str(error).split())[:200] or "no scheduler of Dask answers there"
        raise _unreachable(address, said) from None
    if not threads:
        raise InputError(
            f"--scheduler {address} has no workers", hint=f"dask worker {address} starts one"
        )
    return threads


def _require_listener(address: str, patience: float) -> None:
    """Raise UsageError for what is no address, InputError where nothing listens there."""
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if not host or port is None or parts.scheme not in ("tcp", "tls"):
        raise UsageError(f"--scheduler {address!r} is no address: expected tcp://HOST:PORT")
    try:
        socket.create_connection((host, port), timeout=patience).close()
    except OSError as error:
        raise _unreachable(address, error.strerror or str(error)) from None


def _unreachable(address: str, why: str) -> InputError:
    return InputError(
        f"--scheduler {address} cannot be reached: {why}", hint="dask scheduler starts one"
    )
