"""A polite client for public servers: a rate limit, retries that honour Retry-After, and answers kept on disk."""

import datetime
import email.utils
import importlib.metadata
import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from stance.errors import InputError, NetworkError

RETRY = frozenset({408, 425, 429, 500, 502, 503, 504})
LONGEST_WAIT = 600.0  # seconds; a server that asks for more is told to the user instead


@dataclass(frozen=True)
class Answer:
    """What a server sent: ``content`` in bytes, its ``url`` after redirects, and the ``encoding`` that it named."""

    content: bytes
    url: str
    encoding: str | None = None
    from_cache: bool = False


def cache_folder() -> Path:
    """Where answers are kept: ``$STANCE_WEB_CACHE``, else ``stance/web`` in the user's cache folder (platformdirs)."""
    import platformdirs

    return Path(os.environ.get("STANCE_WEB_CACHE") or Path(platformdirs.user_cache_dir("stance")) / "web")


class PoliteClient:
    """Fetches pages one at a time, slowly enough for a public server, and keeps what came.

    Args:
        rate: requests a second at most.
        retries: further tries after a failure that may pass (429, 5xx, a cut connection), each after a longer wait.
        backoff: seconds before the first further try; doubled each time. A Retry-After header counts instead.
        timeout: seconds until an answer must have begun.
        cache: a folder for answers, None for the user's cache folder, False to keep nothing.
        sleep: how to wait between tries (seconds).

    Raises:
        InputError: a rate that is not positive.
    """

    def __init__(
        self, *, rate: float = 2.0, retries: int = 5, backoff: float = 1.0, timeout: float = 60.0,
        cache: str | Path | bool | None = None, sleep: Callable[[float], None] = time.sleep,
    ) -> None:  # fmt: skip
        import httpx  # only where a page is fetched

        if not rate > 0:
            raise InputError(f"rate={rate!r}: give requests a second, more than 0")
        self.pause, self.retries, self.backoff = 1 / rate, retries, backoff
        self._sleep = sleep
        agent = f"stance-toolkit/{_version()} (research on public debate; one request at a time)"
        self._client = httpx.Client(follow_redirects=True, timeout=timeout, headers={"User-Agent": agent})
        self._cache: Any = None
        if cache is not False:
            import diskcache

            folder = cache_folder() if cache is None or cache is True else Path(cache)
            try:
                self._cache = diskcache.Cache(str(folder))
            except OSError as error:
                self._client.close()
                raise InputError(
                    f"{folder}: answers cannot be kept there ({error}); name another cache folder"
                ) from error
        self._last = float("-inf")
        self.requests = 0

    def __enter__(self) -> "PoliteClient":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()
        if self._cache is not None:
            self._cache.close()

    def get(
        self, url: str, params: dict[str, str] | None = None, *, fresh: bool = False, keep_days: float | None = None,
        check: Callable[[Answer], object] | None = None,
    ) -> Answer:  # fmt: skip
        """The answer to one address, from disk where it is there.

        Args:
            params: the query.
            fresh: ask the server even if the answer is on disk.
            keep_days: how long the answer may be used again; None for ever.
            check: called with a new answer before it is kept; what it raises is raised.

        Raises:
            NetworkError: no answer after all tries, or one that says no.
        """
        key = json.dumps([url, sorted((params or {}).items())])
        if self._cache is not None and not fresh:
            kept = self._cache.get(key)
            if kept is not None:
                head, _, content = kept.partition(b"\n")
                return Answer(content, **json.loads(head), from_cache=True)
        answer = self._ask(url, params)
        if check:
            check(answer)
        if self._cache is not None:
            head = json.dumps({"url": answer.url, "encoding": answer.encoding}).encode()
            expire = None if keep_days is None else keep_days * 86400
            self._cache.set(key, head + b"\n" + answer.content, expire=expire)
        return answer

    def get_json(self, url: str, params: dict[str, str] | None = None, **how: Any) -> Any:
        """As :meth:`get`, but the answer's JSON.

        Raises:
            NetworkError: also where the answer is no JSON, such as an HTML page that reports an error.
        """
        return _json(self.get(url, params, check=_json, **how))

    def _ask(self, url: str, params: dict[str, str] | None) -> Answer:
        import httpx

        problem = ""
        for attempt in range(self.retries + 1):
            time.sleep(max(0.0, self._last + self.pause - time.monotonic()))
            self._last = time.monotonic()
            self.requests += 1
            wait = self.backoff * 2**attempt
            try:
                response = self._client.get(url, params=params)
            except httpx.TransportError as error:  # cut, refused, too slow: each may pass
                problem = str(error) or type(error).__name__
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                raise NetworkError(f"{url}: could not be fetched ({error or type(error).__name__}); "
                                   "check the address") from error  # fmt: skip
            else:
                if response.is_success:
                    return Answer(response.content, str(response.url), response.charset_encoding)
                problem = f"the server answered {response.status_code}"
                if response.status_code not in RETRY:
                    raise NetworkError(f"{url}: {problem}; check the address and what is asked for")
                asked = retry_after(response.headers.get("Retry-After"))
                if asked is not None and asked > LONGEST_WAIT:
                    raise NetworkError(
                        f"{url}: {problem} and asks to wait {asked:.0f} s; run the same command again then"
                    )
                wait = wait if asked is None else asked
            if attempt < self.retries:
                self._sleep(wait)
        raise NetworkError(f"{url}: {problem}, {self.retries + 1} times; check the connection and run the same command "
                           "again: what has come is kept, and it goes on from there")  # fmt: skip


def _version() -> str:
    try:
        return importlib.metadata.version("stance-toolkit")
    except importlib.metadata.PackageNotFoundError:  # run from a checkout
        return "0"


def _json(answer: Answer) -> Any:
    try:
        return json.loads(answer.content)
    except ValueError:
        start = " ".join(answer.content[:80].decode("utf-8", "replace").split())
        raise NetworkError(f"{answer.url}: the server sent no JSON but {start!r}…; it may be down for maintenance: "
                           "try again later, or check the address") from None  # fmt: skip


def retry_after(value: str | None) -> float | None:
    """Seconds that a Retry-After header asks for, given in seconds or as a date; None without one.

    >>> retry_after("2")
    2.0
    """
    if not value:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        when = email.utils.parsedate_to_datetime(value)
    except ValueError:
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=datetime.UTC)
    return max(0.0, (when - datetime.datetime.now(datetime.UTC)).total_seconds())
