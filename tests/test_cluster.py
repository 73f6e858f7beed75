import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import distributed
import numpy as np
import pandas as pd
import pytest

import stance
from stance.cluster import connect, keep_freed_memory
from stance.errors import InputError
from tests.test_streams import BOOK, content, scorer, some_quotes

ROOT = Path(__file__).parent.parent
FAULTS = """
import resource
import torch
from stance.cluster import keep_freed_memory

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(100):
        torch.ones(2**20)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

print(faults(), keep_freed_memory(), faults())
"""


@pytest.fixture(scope="module")
def client():
    """One cluster for the tests of this file: two processes on this machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))  # for workers that are started anew, too: they import the tests' scorers
        with connect("local:2") as client:
            yield client


def test_the_cluster_writes_the_same_bytes(client, tmp_path):
    some_quotes().to_parquet(tmp_path / "big.parquet")
    stance.score_stream(tmp_path / "big.parquet", tmp_path / "one", BOOK, scorer, chunk=9, progress=False)
    many = stance.score_stream(tmp_path / "big.parquet", tmp_path / "many", BOOK, scorer, chunk=9, client=client,
                               progress=False)  # fmt: skip
    assert many.quotes == 100
    assert content(tmp_path / "many") == content(tmp_path / "one")
    assert any(client.run(lambda: keep_freed_memory.cache_info().currsize).values())  # where a part was made


def test_a_worker_keeps_the_memory_of_a_batch_for_the_next():
    """Dask's own setting would have every array's pages made anew."""
    found = subprocess.run([sys.executable, "-c", FAULTS], env={**os.environ, "MALLOC_TRIM_THRESHOLD_": "65536"},
                           capture_output=True, text=True, check=True, cwd=ROOT)  # fmt: skip
    before, kept, after = found.stdout.split()
    if kept == "False":
        pytest.skip("the C library is not glibc")
    assert int(after) * 5 < int(before)


def test_score_takes_a_client(client, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    quotes = some_quotes(20)
    one, many = stance.score(quotes, BOOK, scorer), stance.score(quotes, BOOK, scorer, client=client)
    pd.testing.assert_frame_equal(many, one)
    assert list(tmp_path.iterdir()) == []


class DiesOnce:
    """A scorer that takes its worker with it, the first time it meets a given quote."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __call__(self, pairs):
        if any("Sentence 42 " in premise for premise, _ in pairs) and not self.mark.exists():
            self.mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return scorer(pairs)


@contextmanager
def cluster_of(workers):
    """A cluster of its own for a test that changes it, and a client."""
    with (
        pytest.MonkeyPatch.context() as patch,
        distributed.LocalCluster(n_workers=0, threads_per_worker=1, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        patch.setenv("PYTHONPATH", str(ROOT))
        cluster.scale(workers)
        if workers:
            client.wait_for_workers(workers)
        yield cluster, client


class Together:
    """A scorer that goes on once two processes have come, each with its mark in a folder, or after a minute."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.folder.mkdir(exist_ok=True)

    def __call__(self, pairs):
        (self.folder / str(os.getpid())).touch()
        until = time.monotonic() + 60
        while len(list(self.folder.iterdir())) < 2:
            time.sleep(0.05)
            if time.monotonic() > until:
                (self.folder / "alone").touch()
        return scorer(pairs)


def test_workers_that_come_late_all_work(tmp_path):
    """As a batch system starts them: when the call is made there is none, and the first part waits for one of them."""
    with cluster_of(0) as (cluster, client):
        threading.Timer(1, cluster.scale, [2]).start()
        done = stance.score_stream(some_quotes(), tmp_path / "many", BOOK, Together(tmp_path / "here"), chunk=9,
                                   client=client, progress=False)  # fmt: skip
    assert done.quotes == 100
    assert not (tmp_path / "here" / "alone").exists()


def test_workers_that_have_gone_for_good_are_an_error_and_the_call_goes_on(tmp_path, monkeypatch):
    """As a batch system ends its jobs when their time is up."""
    monkeypatch.setattr("stance.cluster.ASK", 0.1)
    monkeypatch.setattr("stance.cluster.LOST", 1.0)
    with cluster_of(1) as (cluster, client):
        threading.Timer(3, cluster.scale, [0]).start()
        with pytest.raises(stance.StanceError, match="all workers went 1 seconds ago; the parts so far are kept"):
            stance.score_stream(some_quotes(), tmp_path / "many", BOOK, Together(tmp_path / "here"), chunk=9,
                                client=client, progress=False)  # fmt: skip
    assert not list((tmp_path / "many").glob("part-*"))
    (tmp_path / "here" / "another").touch()
    done = stance.score_stream(some_quotes(), tmp_path / "many", BOOK, Together(tmp_path / "here"), chunk=9,
                               progress=False)  # fmt: skip
    assert done.quotes == 100


def test_a_scheduler_that_goes_is_said_to_have_gone(tmp_path):
    with cluster_of(1) as (cluster, client):
        threading.Timer(2, cluster.close).start()
        with pytest.raises(stance.StanceError, match=r"the cluster's scheduler went .*; the parts so far are kept"):
            stance.score_stream(some_quotes(), tmp_path / "many", BOOK, Together(tmp_path / "here"), chunk=9,
                                client=client, progress=False)  # fmt: skip


def test_a_dead_workers_part_is_done_again(client, tmp_path):
    some_quotes().to_parquet(tmp_path / "big.parquet")
    mark = tmp_path / "died"
    done = stance.score_stream(tmp_path / "big.parquet", tmp_path / "many", BOOK, DiesOnce(mark), chunk=9,
                               client=client, progress=False)  # fmt: skip
    assert mark.exists()
    once = stance.score(some_quotes(), BOOK, scorer)
    np.testing.assert_array_equal(done.read()["support"], once["support"])


def test_a_workers_error_reaches_the_caller(client, tmp_path):
    some_quotes(10).to_parquet(tmp_path / "big.parquet")
    with pytest.raises(stance.StanceError, match="worker failed"):
        stance.score_stream(tmp_path / "big.parquet", tmp_path / "many", BOOK, lambda pairs: 1 / 0, client=client,
                            progress=False)  # fmt: skip


@pytest.mark.parametrize("address", ["local:none", "local:0", "somewhere"])
def test_an_address_that_is_none(address):
    with pytest.raises(InputError, match="--cluster"), connect(address):
        pass


def test_the_cluster_room_loads_dask_only_when_used():
    code = "import stance.cluster, sys; print('distributed' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "False"
