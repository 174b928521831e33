"""Who carries out the work: this thread, threads, or the workers of a Dask cluster.

Results come in the order of the tasks, whoever finishes first, so that nothing depends on the
engine.
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from fcinspect.errors import InputError

Result = TypeVar("Result")

AHEAD = 3
"""Tasks a worker has at most that are done or wait: what they found is kept until its turn."""


@dataclass(frozen=True)
class Engine:
    """Carries out tasks."""

    executor: Executor | None = None
    """None: the calling thread carries them out."""
    workers: int = 1
    """How many tasks are carried out at a time."""
    remote: bool = False
    """Whether tasks are sent to other processes, perhaps on other machines."""

    def run(self, tasks: Iterable[Callable[[], Result]]) -> Iterator[Result]:
        """Yield the results in the order of the tasks; raises what a task raised."""
        if self.executor is None:
            for task in tasks:
                yield task()
            return
        waiting: deque[Future[Result]] = deque()
        try:
            for task in tasks:
                waiting.append(self.executor.submit(task))
                if len(waiting) >= AHEAD * self.workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


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

    Raises InputError where the scheduler does not answer within `patience` seconds, has no
    workers, or where a task brings down one worker after the other.
    """
    try:
        from distributed import Client, KilledWorker
    except ImportError:
        raise InputError(
            f"--scheduler {address} needs Dask", hint="pip install 'fcinspect[dask]'"
        ) from None
    try:
        client = Client(address, timeout=patience, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        said = " ".join(str(error).split())[:200] or type(error).__name__
        raise InputError(
            f"--scheduler {address} cannot be reached: {said}",
            hint="dask scheduler starts one",
        ) from None
    try:
        threads = sum(client.nthreads().values())
        if not threads:
            raise InputError(
                f"--scheduler {address} has no workers", hint=f"dask worker {address} starts one"
            )
        yield Engine(client.get_executor(pure=False), threads, remote=True)
    except KilledWorker as error:
        raise InputError(
            f"workers of {address} were lost again and again at the same task: {error.task}"
        ) from None
    finally:
        client.close()
