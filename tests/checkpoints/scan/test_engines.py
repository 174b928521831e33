"""Who carries out the work makes no difference to what comes out."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from fcinspect.checkpoints.opening import open_checkpoint
from fcinspect.checkpoints.records import StoredLinear
from fcinspect.checkpoints.scan import engines, scanning
from fcinspect.checkpoints.scan.engines import Task, dask
from fcinspect.checkpoints.scan.records import Wanted
from fcinspect.errors import InputError, UsageError
from tests.conftest import Run


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Ten layers of several jobs each."""
    draw = np.random.default_rng(0)
    path = tmp_path / "model.safetensors"
    tensors: dict[str, Any] = {}
    for k in range(10):
        tensors[f"fc{k}.weight"] = draw.standard_normal((1000, 700), np.float32)
        tensors[f"fc{k}.bias"] = draw.standard_normal(1000, np.float32)
    save_file(tensors, path)
    return path


@pytest.fixture
def layers(model: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[StoredLinear, ...]:
    """The layers, in jobs of 256 KiB."""
    monkeypatch.setattr("fcinspect.checkpoints.scan.jobs.JOB_BYTES", 1 << 18)
    monkeypatch.setattr("fcinspect.checkpoints.scan.scanning.JOB_BYTES", 1 << 18)
    return open_checkpoint(str(model)).layers


def found(layers: tuple[StoredLinear, ...], engine: engines.Engine) -> str:
    """Return all that a scan says, every bit of it."""
    return repr(list(scanning.scan(layers, engine, Wanted(), lambda count: None)))


def test_results_come_in_the_order_of_the_tasks() -> None:
    """Whoever finishes first, and no more tasks are begun than the workers can do soon."""
    begun = []

    def task(number: int) -> int:
        begun.append(number)
        time.sleep(0.02 if number % 3 == 0 else 0)
        return number

    with engines.local(3) as engine:
        results = engine.run(Task(partial(task, n), "") for n in range(40))
        assert next(results) == 0
        assert len(begun) <= 3 * engines.AHEAD + 1
        assert list(results) == list(range(1, 40))


def test_what_a_task_raises_ends_the_run() -> None:
    """An error in a thread is an error of the scan, and what waits is not begun."""
    begun = []

    def task(number: int) -> int:
        begun.append(number)
        if number == 2:
            raise InputError("planted")
        return number

    with engines.local(2) as engine, pytest.raises(InputError, match="planted"):
        list(engine.run(Task(partial(task, n), "") for n in range(1000)))
    assert len(begun) < 20


def test_a_task_that_no_worker_survives_is_named(layers: tuple[StoredLinear, ...]) -> None:
    """The refusal names the tensor, not a key of the scheduler."""

    (fatal,) = (layer.weight.place for layer in layers if layer.name == "fc2")

    class Lost(Exception):
        """As Dask's KilledWorker."""

    class Deadly(ThreadPoolExecutor):
        def submit(self, function: Any, /, *args: Any, **options: Any) -> Any:
            def lose() -> None:
                raise Lost

            (jobs,) = function.args
            return super().submit(lose if any(job.place == fatal for job in jobs) else function)

    with Deadly(2) as pool, pytest.raises(InputError, match=r"while reading .*'fc2\.weight'"):
        found(layers, engines.Engine(pool, 2, (Lost,)))


@pytest.mark.parametrize("workers", [2, 5])
def test_threads_find_what_one_finds_bit_for_bit(
    layers: tuple[StoredLinear, ...], workers: int
) -> None:
    """The statistics do not depend on the number of workers."""
    with engines.local(1) as alone, engines.local(workers) as several:
        assert found(layers, several) == found(layers, alone)


def test_a_layer_is_told_before_the_next_ones_are_read(layers: tuple[StoredLinear, ...]) -> None:
    """Results stream: the first is there before the last is begun."""
    told: list[int] = []
    coming = scanning.scan(layers, engines.Engine(), Wanted(), told.append)
    next(coming)
    assert sum(told) < scanning.bytes_of(layers) / 2
    assert len(list(coming)) == 9
    assert sum(told) == scanning.bytes_of(layers)


def test_a_file_that_changes_during_the_scan_is_refused(
    model: Path, layers: tuple[StoredLinear, ...]
) -> None:
    """No report is made of half an old and half a new file."""
    damages: tuple[tuple[Callable[[], object], str], ...] = (
        (lambda: os.utime(model, (1, 1)), "was changed while it was being read"),
        (lambda: os.truncate(model, 10_000), "was truncated while it was being read"),
        (model.unlink, "was deleted while it was being read"),
    )
    for damage, words in damages:
        coming = scanning.scan(layers, engines.Engine(), Wanted(), lambda count: None)
        content = model.read_bytes()
        stamp = model.stat().st_mtime_ns
        next(coming)
        damage()
        with pytest.raises(InputError, match=words):
            list(coming)
        model.write_bytes(content)
        os.utime(model, ns=(stamp, stamp))


def test_a_change_after_the_last_number_was_read_is_seen_too(
    model: Path, layers: tuple[StoredLinear, ...]
) -> None:
    """The file is looked at once more at the end."""
    coming = scanning.scan(layers, engines.Engine(), Wanted(), lambda count: None)
    for _ in layers:
        next(coming)
    os.utime(model, (1, 1))
    with pytest.raises(InputError, match="was changed"):
        next(coming)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Two worker processes on this machine, which are started again when they die."""
    distributed = pytest.importorskip("distributed", reason="needs distributed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=":0", host="127.0.0.1"
    ) as made:
        yield made


@pytest.mark.filterwarnings("ignore")  # of Dask's own clean-up
def test_a_cluster_finds_what_one_thread_finds_though_a_worker_is_killed(
    cluster: Any, layers: tuple[StoredLinear, ...]
) -> None:
    """What a lost worker had to do is done by another one, to the same bits."""
    alone = found(layers, engines.Engine())
    with dask(cluster.scheduler_address) as engine:
        assert engine.workers == 2
        coming = scanning.scan(layers, engine, Wanted(), lambda count: None)
        gone = [next(coming)]
        killed = cluster.workers[0].pid
        os.kill(killed, signal.SIGKILL)
        gone += coming
    assert repr(gone) == alone
    for _ in range(300):  # it is started again in its own time
        if cluster.workers[0].pid != killed:
            break
        time.sleep(0.1)
    assert cluster.workers[0].pid != killed


@pytest.mark.filterwarnings("ignore")
def test_the_command_says_the_same_with_a_cluster(cluster: Any, model: Path, run: Run) -> None:
    """The bytes of the report are the same with threads and with a cluster."""
    alone = run("scan", model, "--json", "--workers", 1)
    together = run("scan", model, "--json", "--scheduler", cluster.scheduler_address)
    assert (together.status, together.err) == (0, "")
    assert together.out == alone.out


@pytest.mark.filterwarnings("ignore")
def test_a_file_that_only_this_machine_sees_is_refused_by_the_workers(
    cluster: Any, layers: tuple[StoredLinear, ...], model: Path
) -> None:
    """An error of a worker is one clear refusal here."""
    with dask(cluster.scheduler_address) as engine:
        model.rename(model.with_name("elsewhere"))
        with pytest.raises(InputError, match=r"a worker: .* was deleted") as refusal:
            found(layers, engine)
    assert refusal.value.hint == "workers must find the same files under the same paths"


@pytest.mark.filterwarnings("ignore")
def test_workers_find_a_file_that_is_named_from_this_folder(
    cluster: Any, model: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker's own folder is another one: it is sent the whole path, and none is told."""
    monkeypatch.chdir(model.parent)
    alone = run("scan", model.name, "--check", "--spectral", "--json", "--workers", 1)
    address = cluster.scheduler_address
    together = run("scan", model.name, "--check", "--spectral", "--json", "--scheduler", address)
    assert (together.status, together.err) == (alone.status, "")
    assert together.out == alone.out


@pytest.mark.parametrize("address", ["nonsense", "tcp://host", "http://127.0.0.1:80", "tcp://[::"])
def test_an_address_of_another_form_is_refused(address: str) -> None:
    """The expected form is named."""
    with pytest.raises(UsageError, match="expected tcp://HOST:PORT"), dask(address):
        pass


def test_a_scheduler_that_is_not_there_is_refused_at_once() -> None:
    """Nothing listens: one line, no traceback of Dask's."""
    with pytest.raises(InputError, match="cannot be reached"), dask("tcp://127.0.0.1:9"):
        pass


def test_what_listens_but_is_no_scheduler_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A silent listener is given up after a while."""
    import socket

    monkeypatch.setattr(engines, "PATIENCE", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"tcp://127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(InputError, match="cannot be reached"), dask(address):
            pass


@pytest.mark.filterwarnings("ignore")
def test_a_scheduler_without_workers_is_refused() -> None:
    """To wait for workers for ever would be no answer."""
    distributed = pytest.importorskip("distributed", reason="needs distributed")
    with (
        distributed.LocalCluster(n_workers=0, dashboard_address=":0", host="127.0.0.1") as made,
        pytest.raises(InputError, match="has no workers"),
        dask(made.scheduler_address),
    ):
        pass


def test_without_dask_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing library is one line that says how to get it."""
    monkeypatch.setitem(__import__("sys").modules, "distributed", None)
    with pytest.raises(InputError, match="needs Dask") as refusal, dask("tls://a:1"):
        pass
    assert (refusal.value.hint or "").startswith("pip install distributed")


def test_blas_has_its_threads_again_after_a_scan(layers: tuple[StoredLinear, ...]) -> None:
    """The limit ends with the last one who asked for it, though several overlap."""
    from threadpoolctl import threadpool_info

    from fcinspect.checkpoints.scan.jobs import one_blas_thread

    def threads() -> list[int]:
        return [info["num_threads"] for info in threadpool_info() if info["user_api"] == "blas"]

    before = threads()
    inside, release = threading.Event(), threading.Event()

    def other() -> None:
        with one_blas_thread():
            inside.set()
            release.wait()

    thread = threading.Thread(target=other)
    thread.start()
    inside.wait()
    with one_blas_thread():
        assert set(threads()) == {1}
    assert set(threads()) == {1}
    release.set()
    thread.join()
    assert threads() == before
