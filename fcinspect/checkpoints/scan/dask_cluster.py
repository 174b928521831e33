"""The workers of a Dask cluster as those who carry out the work.

What a scheduler sends is unpickled here, so that it can run code: it is trusted as code is.
"""

from __future__ import annotations

import contextlib
import ipaddress
import logging
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from fcinspect.checkpoints.scan.engines import Engine
from fcinspect.errors import InputError, UsageError, install_hint

PATIENCE = 10.0
"""Seconds that a scheduler has for an answer."""
WITHOUT_WORKERS = 30.0
"""Seconds that a cluster may be without workers, while those that died are started again."""
CLOSING = 2.0
"""Seconds that taking leave may take."""


@contextlib.contextmanager
def dask(address: str, *, trusted: bool = False, patience: float | None = None) -> Iterator[Engine]:
    """Yield an engine of the workers of a Dask scheduler, "tcp://host:8786".

    Raises UsageError for what is no address, and for one that is neither on this machine nor
    behind TLS unless it is `trusted`; InputError where the scheduler does not answer within
    `patience` seconds (PATIENCE), at the beginning or later, or has no workers.
    """
    patience = PATIENCE if patience is None else patience
    scheduler = _Scheduler(address, patience)
    scheduler.require_trust(trusted)
    try:
        from distributed import Client, KilledWorker
    except ImportError:
        raise InputError(
            f"--scheduler {address} needs Dask; without it the scan runs on this machine",
            hint=install_hint("distributed"),
        ) from None
    with _without_log():
        threads = scheduler.threads()
        if not threads:
            raise scheduler.without_workers("has no workers")
        try:
            client = Client(address, timeout=patience, set_as_default=False)
        except Exception as error:  # whatever was sent may be anything
            raise scheduler.unreachable(_words(error)) from None
        try:
            executor = client.get_executor(pure=False)
            watch = _Watch(scheduler)
            yield Engine(executor, threads, (KilledWorker,), watch, elsewhere=True)
        finally:
            with contextlib.suppress(Exception):  # it may not be there any more
                client.close(timeout=CLOSING)


@dataclass(frozen=True)
class _Scheduler:
    """A scheduler by its address."""

    address: str
    patience: float

    def require_trust(self, trusted: bool) -> None:
        """Raise UsageError for no address, and for one from which anybody might answer."""
        host, _ = self._place()
        if not (trusted or self.address.startswith("tls:") or _is_here(host)):
            raise UsageError(
                f"--scheduler {self.address} is another machine without TLS: whoever answers there"
                " can run code here",
                hint="--trust-scheduler if you trust it and the network as you trust code",
            )

    def threads(self) -> int:
        """Return how many threads its workers have; raises InputError where it does not answer.

        It is asked without a client: one that fails leaves more behind.
        """
        import asyncio

        from distributed import rpc
        from distributed.security import Security

        self._require_listener()

        async def ask() -> int:
            arguments = Security().get_connection_args("client")
            asked = rpc(
                self.address, timeout=self.patience, deserialize=False, connection_args=arguments
            )
            async with asked as scheduler:
                told = await asyncio.wait_for(scheduler.identity(), self.patience)
                return int(told["total_threads"])

        try:
            return asyncio.run(ask())
        except Exception as error:  # what is no scheduler may send anything
            raise self.unreachable(_words(error)) from None

    def unreachable(self, why: str) -> InputError:
        """Return the refusal of one that does not answer."""
        return InputError(
            f"--scheduler {self.address} cannot be reached: {why}", hint="dask scheduler starts one"
        )

    def without_workers(self, words: str) -> InputError:
        """Return the refusal of one that nobody works for."""
        return InputError(
            f"--scheduler {self.address} {words}", hint=f"dask worker {self.address} starts one"
        )

    def _place(self) -> tuple[str, int]:
        try:
            parts = urlsplit(self.address)
            host, port = parts.hostname, parts.port
        except ValueError:
            host = port = None
        if not host or port is None or parts.scheme not in ("tcp", "tls"):
            raise UsageError(
                f"--scheduler {self.address!r} is no address: expected tcp://HOST:PORT"
            )
        return host, port

    def _require_listener(self) -> None:
        try:
            socket.create_connection(self._place(), timeout=self.patience).close()
        except OSError as error:
            raise self.unreachable(error.strerror or str(error)) from None


class _Watch:
    """Looks whether a cluster can still be expected to answer."""

    def __init__(self, scheduler: _Scheduler) -> None:
        self._scheduler = scheduler
        self._without_since: float | None = None

    def __call__(self) -> None:
        """Raise InputError where the scheduler has gone, or its workers for too long."""
        now = time.monotonic()
        if self._scheduler.threads():
            self._without_since = None
        elif self._without_since is None:
            self._without_since = now
        elif now - self._without_since > WITHOUT_WORKERS:
            raise self._scheduler.without_workers(f"has had no workers for {WITHOUT_WORKERS:g} s")


def _is_here(host: str) -> bool:
    """Whether a host is this machine, by a name or number that no one else can answer for."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _words(error: BaseException) -> str:
    said: Any = getattr(error, "strerror", None) or error
    return " ".join(str(said).split())[:200] or "no scheduler of Dask answers there"


@contextlib.contextmanager
def _without_log() -> Iterator[None]:
    """Keep Dask, tornado and asyncio from logging what is said in one line here."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)
