"""The same scoring on Dask: one machine's processes, or a cluster's.

Chunks of rows go to the workers as Parquet files in the output's folder, not through the scheduler, and each worker
writes its part there; so the folder must be on a disk that all of them see. A worker loads the model once. A part whose
worker died is done again by another, and since a part's bytes do not depend on who made it, the folder is the same as
that of one machine (of the same kind).
"""

import ctypes
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from stance.codebook import Codebook
from stance.errors import InputError, MissingExtraError, StanceError
from stance.quotes import whole_file
from stance.scoring import SCORE_COLUMNS, load_scorer
from stance.streams import TOKENS_A_BATCH, Source, Task, score_stream, to_rows, writing

AHEAD = 3  # chunks on disk for each thread of a worker, so that none waits
FEWEST = 32  # chunks on disk, for workers that come late: those of a batch system
ASK = 5.0  # seconds between two questions to the scheduler, whether there are workers
LOST = 600.0  # seconds after which they will not come back
RETRIES = 3  # of a part whose worker failed
# For a cluster that is started here: beside the work, Dask's processes take some 4% of a core each, and 1% with these.
QUIET = {
    "distributed.worker.profile.enabled": False,
    "distributed.worker.memory.monitor-interval": "1s",
    "distributed.admin.tick.interval": "1s",
    "distributed.admin.system-monitor.interval": "2s",
}
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # mallopt's numbers for them
KEPT = 256 << 20  # bytes that a worker keeps for the next batch
LARGEST = 32 << 20  # bytes of an array that may be kept; the most that glibc takes


def _distributed() -> Any:
    try:
        import distributed
    except ImportError as error:
        raise MissingExtraError(
            "a cluster needs dask, the extra scale; in the clone of stance: pip install '.[scale]'"
        ) from error
    return distributed


@contextmanager
def connect(address: str) -> Iterator[Any]:
    """A client of a cluster that runs already, or of one that is started on this machine.

    Args:
        address: "tcp://host:8786", or "local:N" for N processes of one thread each, whose dashboard has no profile.

    Raises:
        InputError: another form, or nothing answers there.
        MissingExtraError: dask is not installed.

    >>> from stance.cluster import connect
    >>> with connect("local:2") as client:    # doctest: +SKIP
    ...     stance.score_stream("big.parquet", "scores/", client=client)
    """
    distributed = _distributed()
    kind, _, rest = address.partition(":")
    if kind == "local":
        if not rest.isdigit() or int(rest) < 1:
            raise InputError(f"--cluster {address!r}: write local:N with N of at least 1")
        import dask

        with (
            dask.config.set(QUIET),
            distributed.LocalCluster(n_workers=int(rest), threads_per_worker=1, dashboard_address=":0") as cluster,
            distributed.Client(cluster) as client,
        ):
            yield client
        return
    if kind not in {"tcp", "tls", "ucx", "ws"}:
        raise InputError(f"--cluster {address!r}: write local:N, or a scheduler's address such as tcp://host:8786")
    try:
        client = distributed.Client(address, timeout="10s")
    except (OSError, TimeoutError) as error:
        raise InputError(f"--cluster {address!r}: no scheduler answers there ({error})") from error
    with client:
        yield client


def run_parts(
    client: Any, task: Task, source: Source, chunk: int, missing: list[int], model: Any, precision: str | None, bar: Any
) -> None:
    """Has the missing parts made by a client's workers; returns when all are there."""
    distributed = _distributed()
    name = getattr(model, "name", None) if hasattr(model, "with_precision") else model
    if isinstance(name, str | Path) and Path(name).is_dir():
        name = str(Path(name).resolve())  # workers may have been started elsewhere
    precision = getattr(model, "precision", precision) if precision is None else precision
    inputs = task.folder / ".rows"
    with writing(task.folder):
        inputs.mkdir(exist_ok=True)
    todo = set(missing)
    sizes: dict[Any, int] = {}
    running: Any = distributed.as_completed()
    watch = Watch(client, bar)
    try:
        for start, rows in source.chunks(chunk) if missing else ():
            index = start // chunk
            if index not in todo:
                continue
            while len(sizes) >= max(FEWEST, AHEAD * sum(client.nthreads().values())):
                _collect(watch.next(running), sizes, bar)
            source.check_unchanged()
            path = inputs / f"{index:06d}.parquet"
            with writing(task.folder), whole_file(path) as temporary:
                pq.write_table(pa.Table.from_pandas(rows, preserve_index=False), temporary)
            own = task if index == 0 else replace(task, attrs={})
            future = client.submit(_score_part, path, start, index, own, name, precision, pure=False, retries=RETRIES)
            sizes[future] = len(rows)
            running.add(future)
        while sizes:
            _collect(watch.next(running), sizes, bar)
    finally:
        if client.status == "running":  # its scheduler may have gone
            client.cancel(list(sizes))
        for left in inputs.glob("*"):
            left.unlink(missing_ok=True)
        inputs.rmdir()


class Watch:
    """Waits for parts, and for workers: a batch system's come late, and go when their time is up.

    Raises: StanceError, after ``LOST`` seconds without a worker where there have been some.
    """

    def __init__(self, client: Any, bar: Any) -> None:
        self.client, self.bar = client, bar
        self.seen: float | None = None

    def next(self, running: Any) -> Any:
        """The next part that is done."""
        alone, ask = False, 0.0
        while not running.has_ready():
            now = time.monotonic()
            if now >= ask:
                alone, ask = not self.client.nthreads(), now + ASK
                self.bar.set_postfix_str("no worker is there" if alone else "", refresh=alone)
                if not alone:
                    self.seen = now
                elif self.seen is not None and now > self.seen + LOST:
                    raise StanceError(f"all workers went {LOST:.0f} seconds ago; the parts so far are kept: start "
                                      "workers, and the same call goes on from there")  # fmt: skip
            time.sleep(0.02)
        if alone:
            self.bar.set_postfix_str("", refresh=False)
        return next(running)


def _collect(future: Any, sizes: dict[Any, int], bar: Any) -> None:
    rows = sizes.pop(future)
    try:
        path = future.result()
    except StanceError:
        raise
    except Exception as error:  # whatever a worker met
        who = "the cluster's scheduler went" if future.cancelled() else f"a worker failed {RETRIES + 1} times on a part"
        what = f"{who} ({type(error).__name__}: {error})"
        raise StanceError(f"{what}; the parts so far are kept, and the same call goes on from there") from error
    Path(path).unlink(missing_ok=True)
    bar.update(rows)


@cache
def keep_freed_memory() -> bool:
    """Has this process keep the memory of one batch for the next: ``KEPT`` bytes, in arrays of ``LARGEST`` at most.

    Returns whether its C library can be told; glibc can.

    Dask starts its workers with MALLOC_TRIM_THRESHOLD_=65536, by which every array goes back to the system as soon as
    it is freed, and the next one's pages are made anew: a third of a worker's time.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):  # no such function; Windows knows no library of that name
        return False
    return bool(mallopt(_MMAP_THRESHOLD, LARGEST) and mallopt(_TRIM_THRESHOLD, KEPT))


def _score_part(path: Path, start: int, index: int, task: Task, model: Any, precision: str | None) -> Path:
    """On a worker: scores the rows of a file into their part; the model is loaded by the first such call."""
    keep_freed_memory()
    scorer = load_scorer(model, precision, cache=False, tokens_a_batch=TOKENS_A_BATCH)
    task.run(to_rows(pq.read_table(path)), start, index, scorer)
    return path


def score_table(
    table: pd.DataFrame,
    client: Any,
    book: Codebook,
    model: Any,
    precision: str | None,
    head: Any,
    seed: int,
    progress: bool,
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Scores a quotes table in memory by way of a folder beside the work: the score columns, and the provenance."""
    with TemporaryDirectory(dir=Path.cwd(), prefix=".stance-") as folder:
        bare = table[["quote_id", "text"]]
        done = score_stream(bare, Path(folder) / "scores", book, model, precision=precision, head=head,
                            client=client, seed=seed, progress=progress)  # fmt: skip
        found = done.read()
    columns = found[["quote_id", *SCORE_COLUMNS]].copy()
    columns["window"] = pd.Series([list(map(int, window)) for window in columns["window"]], dtype=object)
    return columns, found.attrs["provenance"]
