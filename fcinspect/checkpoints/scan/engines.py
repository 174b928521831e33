"""Who carries out the work: this thread, threads, or others (dask_cluster.py).

Results come in the order of the tasks, whoever finishes first, so that nothing depends on the
engine.
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError, Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from fcinspect.checkpoints.access.storage import MissingFile
from fcinspect.errors import InputError

BEAT = 5.0
"""Seconds without a result after which is asked whether anybody still works."""
AHEAD = 3
"""Tasks a worker has at most that are done or wait: what they found is kept until its turn."""


@dataclass(frozen=True)
class Task:
    """Something to be carried out by any process."""

    function: Callable[[], Any]
    """What is called there: a function of a module and plain data."""
    words: str
    """What is then read, for a refusal."""
    take: Callable[[Any], int] = lambda found: 0
    """Takes in the result here; returns how many bytes more were gone through."""


@dataclass(frozen=True)
class Engine:
    """Carries out tasks."""

    executor: Executor | None = None
    """None: the calling thread carries them out."""
    workers: int = 1
    """How many tasks are carried out at a time."""
    lost: tuple[type[BaseException], ...] = ()
    """What is raised when no worker survives a task."""
    check: Callable[[], None] | None = None
    """Raises InputError where nobody can be expected to work any more."""
    elsewhere: bool = False
    """Whether workers have a folder of their own that paths would start from, and maybe a disk."""

    def run(self, tasks: Iterable[Task]) -> Iterator[Any]:
        """Yield the results in the order of the tasks; raises what a task raised.

        Raises InputError that names the task where workers are lost at it again and again.
        """
        if self.executor is None:
            for task in tasks:
                yield task.function()
            return
        waiting: deque[tuple[Task, Future[Any]]] = deque()
        try:
            for task in tasks:
                waiting.append((task, self.executor.submit(task.function)))
                if len(waiting) >= AHEAD * self.workers:
                    yield self._result(*waiting.popleft())
            while waiting:
                yield self._result(*waiting.popleft())
        finally:
            for _, future in waiting:
                future.cancel()

    def _result(self, task: Task, future: Future[Any]) -> Any:
        try:
            return self._awaited(future)
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

    def _awaited(self, future: Future[Any]) -> Any:
        """Return the result; ask now and then whether it can still come."""
        if self.check is None:
            return future.result()
        while True:
            try:
                return future.result(BEAT)
            except CancelledError:
                self.check()
                raise InputError("the work was given up by those who were to do it") from None
            except TimeoutError:
                if future.done():  # the task's own
                    raise
            self.check()


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
