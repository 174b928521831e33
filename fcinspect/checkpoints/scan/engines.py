"""Who carries out the work: this thread, threads, or the workers of a Dask cluster.

Results come in the order of the tasks, whoever finishes first, so that nothing depends on the
engine. What a scheduler of Dask sends is unpickled here, so that it can run code: it is trusted as
code is.
"""

from __future__ import annotations

import contextlib
import ipaddress
import logging
import socket
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError, Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from fcinspect.checkpoints.storage import MissingFile
from fcinspect.errors import InputError, UsageError, install_hint

BEAT = 5.0
"""Seconds without a result after which is asked whether anybody still works."""
AHEAD = 3
"""Tasks a worker has at most that are done or wait: what they found is kept until its turn."""
PATIENCE = 10.0
"""Seconds that a scheduler has for an answer."""
WITHOUT_WORKERS = 30.0
"""Seconds that a cluster may be without workers, while those that died are started again."""
CLOSING = 2.0


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
        """Yield the results in the order of the tasks; raises what a task raised, or InputError."""
        if self.executor is None:
            yield from (task.function() for task in tasks)
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
            hint = "workers must find the same files under the same paths"
            raise InputError(f"a worker: {missing}", hint) from None
        except self.lost:
            lost = f"workers were lost repeatedly while reading {task.words}"
            hint = "use --only to leave it out; a worker may have too little memory"
            raise InputError(lost, hint) from None

    def _awaited(self, future: Future[Any]) -> Any:
        """Return the result; ask now and then whether it can still come."""
        if self.check is None:
            return future.result()
        while True:
            try:
                return future.result(BEAT)
            except CancelledError:
                self.check()
                raise InputError("the work was canceled") from None
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


@contextlib.contextmanager
def dask(address: str, *, trusted: bool = False) -> Iterator[Engine]:
    """Yield an engine of the workers of a Dask scheduler, "tcp://host:8786".

    Raises UsageError for what is no address, and for one that is neither on this machine nor
    behind TLS unless it is `trusted`; InputError where the scheduler does not answer within
    PATIENCE seconds, at the beginning or later, or has no workers.
    """
    scheduler = _Scheduler(address, PATIENCE)
    scheduler.require_trust(trusted)
    try:
        from distributed import Client, KilledWorker
    except ImportError:
        raise InputError(
            f"--scheduler {address} needs Dask; without this option the scan runs on this machine",
            hint=install_hint("distributed"),
        ) from None
    with _without_log():
        threads = scheduler.threads()
        if not threads:
            raise scheduler.without_workers("has no workers")
        try:
            client = Client(address, timeout=PATIENCE, set_as_default=False)
        except Exception as error:  # whatever was sent may be anything
            raise scheduler.unreachable(_words(error)) from None
        try:
            executor = client.get_executor(pure=False)
            watch = scheduler.watch()
            yield Engine(executor, threads, (KilledWorker,), watch, elsewhere=True)
        finally:
            with contextlib.suppress(Exception):  # it may not be there any more
                client.close(timeout=CLOSING)


@dataclass(frozen=True)
class _Scheduler:
    address: str
    patience: float

    def require_trust(self, trusted: bool) -> None:
        """Raise UsageError for no address, and for one from which anybody might answer."""
        host, _ = self._place()
        is_here = host == "localhost"  # no one else can answer for that, nor for 127.0.0.1
        with contextlib.suppress(ValueError):
            is_here = ipaddress.ip_address(host).is_loopback
        if not (trusted or self.address.startswith("tls:") or is_here):
            raise UsageError(
                f"--scheduler {self.address} is another machine without TLS: whatever answers there"
                " can run code here",
                hint="add --trust-scheduler if you trust it and the network to run code here",
            )

    def threads(self) -> int:
        """Return how many threads its workers have, asked without a client; raises InputError."""
        import asyncio

        from distributed import rpc
        from distributed.security import Security

        try:
            socket.create_connection(self._place(), timeout=self.patience).close()
        except OSError as error:
            raise self.unreachable(error.strerror or str(error)) from None

        async def ask() -> int:
            arguments = Security().get_connection_args("client")
            options = {"deserialize": False, "connection_args": arguments}
            async with rpc(self.address, timeout=self.patience, **options) as scheduler:
                told = await asyncio.wait_for(scheduler.identity(), self.patience)
                return int(told["total_threads"])

        try:
            return asyncio.run(ask())
        except Exception as error:  # what is no scheduler may send anything
            raise self.unreachable(_words(error)) from None

    def unreachable(self, why: str) -> InputError:
        reason = f"--scheduler {self.address} cannot be reached: {why}"
        return InputError(reason, "start one with dask scheduler")

    def without_workers(self, words: str) -> InputError:
        hint = f"start one with dask worker {self.address}"
        return InputError(f"--scheduler {self.address} {words}", hint)

    def watch(self) -> Callable[[], None]:
        """Return what raises InputError where it has gone, or its workers for too long."""
        without_since: float | None = None

        def check() -> None:
            nonlocal without_since
            if self.threads():
                without_since = None
                return
            without_since = without_since or time.monotonic()
            if time.monotonic() - without_since > WITHOUT_WORKERS:
                raise self.without_workers(f"has had no workers for {WITHOUT_WORKERS:g} s")

        return check

    def _place(self) -> tuple[str, int]:
        try:
            parts = urlsplit(self.address)
            host, port = parts.hostname, parts.port
        except ValueError:
            host = port = None
        if not host or port is None or parts.scheme not in ("tcp", "tls"):
            raise UsageError(
                f"invalid address --scheduler {self.address!r}: expected tcp://HOST:PORT"
            )
        return host, port


def _words(error: BaseException) -> str:
    said: Any = getattr(error, "strerror", None) or error
    return " ".join(str(said).split())[:200] or "no Dask scheduler responds there"


@contextlib.contextmanager
def _without_log() -> Iterator[None]:
    """Keep Dask, tornado and asyncio from logging what is said in one line here."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)
