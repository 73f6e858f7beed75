"""Probabilities and embeddings that were computed before, by content, in the user's cache directory.

A key is a hash of the model (weights, configuration, tokenizer), the arithmetic, the premise and the hypothesis; a
value is the three probabilities, or a text's embedding. One SQLite file in write-ahead mode serves several processes
at once. It is written here and not with diskcache because thousands of keys are asked for at a time, which that
library does one by one.

Environment: ``STANCE_CACHE=0`` turns it off, ``STANCE_CACHE_DIR`` says where it is, ``STANCE_CACHE_MB`` how large it
may grow (1024). The oldest entries make room for new ones.
"""

import os
import sqlite3
import threading
import warnings
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs
from numpy.typing import NDArray

from stance.errors import InputError

DEFAULT_MB = 1024
_KEYS_A_QUERY = 500  # SQLite's oldest limit on parameters is 999
_WAIT = 60.0  # seconds for another process's transaction to end
_SCHEMA = """
CREATE TABLE IF NOT EXISTS scores (id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, value BLOB NOT NULL)
"""


class ScoreCache:
    """Rows of numbers on disk, by the pair of texts they belong to.

    A cache is a convenience: where it cannot be read or written (a full disk, a damaged file), one warning says so and
    the scores are computed.

    Args:
        folder: where the file ``scores.sqlite`` is.
        limit: bytes that it may grow to.
    """

    def __init__(self, folder: str | Path, limit: int = DEFAULT_MB << 20) -> None:
        self.path = Path(folder).expanduser() / "scores.sqlite"
        self.limit = limit
        self._local = threading.local()
        self._broken = False

    def __reduce__(self) -> tuple[Any, ...]:
        return ScoreCache, (self.path.parent, self.limit)  # connections do not travel

    def get(
        self, scope: str, pairs: Sequence[tuple[str, str]], width: int = 3, dtype: str = "<f8"
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """What is known of n pairs: (n, width) numbers, and an (n,) mask of those that were found.

        ``width`` and ``dtype`` are those of :meth:`put` for this scope.
        """
        values = np.full((len(pairs), width), np.nan)
        found = np.zeros(len(pairs), dtype=bool)
        if self._broken or not self.path.is_file():
            return values, found
        keys = [_key(scope, pair) for pair in pairs]
        place = {key: i for i, key in enumerate(keys)}
        try:
            for part in _blocks(keys, _KEYS_A_QUERY):
                marks = ",".join("?" * len(part))
                rows = self._connection().execute(f"SELECT key, value FROM scores WHERE key IN ({marks})", part)
                for key, value in rows:
                    values[place[key]] = np.frombuffer(value, dtype=dtype)
                    found[place[key]] = True
        except (sqlite3.Error, OSError, ValueError) as error:
            self._give_up(error)
            return np.full((len(pairs), width), np.nan), np.zeros(len(pairs), dtype=bool)
        return values, found

    def put(
        self, scope: str, pairs: Sequence[tuple[str, str]], values: NDArray[np.float64], dtype: str = "<f8"
    ) -> None:
        """Remembers the (n, width) numbers of n pairs as ``dtype``, in one transaction."""
        if self._broken or not len(pairs):
            return
        rows = [(_key(scope, pair), row.astype(dtype).tobytes()) for pair, row in zip(pairs, values, strict=True)]
        try:
            connection = self._connection()
            with connection:
                connection.executemany("INSERT OR IGNORE INTO scores (key, value) VALUES (?, ?)", rows)
            if _used(connection) > self.limit:
                self._make_room(connection)
        except (sqlite3.Error, OSError) as error:
            self._give_up(error)

    def info(self) -> dict[str, Any]:
        """Folder, entries, bytes in use and limit.

        >>> from stance.cache import default_cache
        >>> default_cache().info()["entries"]    # doctest: +SKIP
        8000
        """
        record = {"path": str(self.path), "entries": 0, "bytes": 0, "limit": self.limit}
        if self.path.is_file():
            try:
                connection = self._connection()
                record["entries"] = int(connection.execute("SELECT count(*) FROM scores").fetchone()[0])
                record["bytes"] = _used(connection)
            except sqlite3.DatabaseError as error:
                raise InputError(f"{self.path}: cannot be read ({error}); `stance cache clear` removes it") from error
        return record

    def clear(self) -> int:
        """Forgets everything; the number of bytes set free. Other processes may go on using it meanwhile."""
        if not self.path.is_file():
            return 0
        size = self.path.stat().st_size
        try:
            connection = self._connection()
            with connection:
                connection.execute("DELETE FROM scores")
            connection.execute("VACUUM")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.DatabaseError:  # damaged: nothing in it can be kept
            self.close()
            for suffix in ("", "-wal", "-shm"):
                self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)
            return size
        return size - self.path.stat().st_size

    def close(self) -> None:
        """Closes this thread's connection; the next use opens another."""
        connection = getattr(self._local, "connection", None)
        if connection is not None:
            connection.close()
            self._local.connection = None

    def _connection(self) -> sqlite3.Connection:
        """This thread's connection. One that was opened before a fork belongs to the parent and is let go."""
        if getattr(self._local, "connection", None) is None or self._local.process != os.getpid():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(self.path, timeout=_WAIT)
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=NORMAL")
            connection.execute(_SCHEMA)
            self._local.connection, self._local.process = connection, os.getpid()
        found: sqlite3.Connection = self._local.connection
        return found

    def _make_room(self, connection: sqlite3.Connection) -> None:
        """Forgets the older half. Freed pages are used again, so the file stays at its size."""
        with connection:
            low, high = connection.execute("SELECT min(id), max(id) FROM scores").fetchone()
            connection.execute("DELETE FROM scores WHERE id <= ?", ((low + high) // 2,))

    def _give_up(self, error: Exception) -> None:
        self._broken = True
        warnings.warn(
            f"the cache {self.path} is not used in this process ({error}); scores are computed. "
            "`stance cache clear` removes it, STANCE_CACHE=0 turns it off",
            RuntimeWarning, stacklevel=4,
        )  # fmt: skip


def default_cache() -> ScoreCache | None:
    """The user's cache as the environment says; None where ``STANCE_CACHE=0``.

    Raises:
        InputError: ``STANCE_CACHE_MB`` is not a number above 0.
    """
    if os.environ.get("STANCE_CACHE", "1").strip().lower() in {"0", "off", "no", "false"}:
        return None
    folder = os.environ.get("STANCE_CACHE_DIR") or platformdirs.user_cache_dir("stance", appauthor=False)
    given = os.environ.get("STANCE_CACHE_MB", str(DEFAULT_MB))
    try:
        limit = int(float(given) * (1 << 20))
    except (ValueError, OverflowError):
        limit = 0
    if limit <= 0:
        raise InputError(f"STANCE_CACHE_MB={given!r} is not a number of megabytes above 0")
    known = _OPEN.get(folder)
    if known is None or known.limit != limit:
        known = _OPEN[folder] = ScoreCache(folder, limit)
    return known


_OPEN: dict[str, ScoreCache] = {}


def _key(scope: str, pair: tuple[str, str]) -> bytes:
    # The premise's length stands in the key, so that no other cut of the same characters can meet it.
    premise, hypothesis = pair
    content = f"{scope}\0{len(premise)}\0{premise}{hypothesis}"
    return blake2b(content.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _used(connection: sqlite3.Connection) -> int:
    pages, free, size = (connection.execute(f"PRAGMA {name}").fetchone()[0]
                         for name in ("page_count", "freelist_count", "page_size"))  # fmt: skip
    return int((pages - free) * size)


def _blocks(items: Sequence[bytes], size: int) -> Iterator[Sequence[bytes]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
