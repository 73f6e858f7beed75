"""Batches side by side: a thread for each, where torch would let all threads do each operation together.

Threads that share an operation wait for the slowest at its end, some hundred times a batch. With a batch to each they
wait once. The numbers do not depend on how many threads there are, since each batch is computed by one.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import torch

Item = TypeVar("Item")
Result = TypeVar("Result")


def side_by_side(work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """``map`` with as many items at a time as torch has threads for the caller (``torch.set_num_threads``).

    Args:
        work: is called in other threads, if there are several; torch has one thread in each.
        items: are taken as they are needed, at most one a thread ahead.

    Returns:
        The results in the order of the items.

    Raises:
        Whatever ``work`` raises, when its result's turn comes, and what was begun is done.
    """
    threads = torch.get_num_threads()
    if threads == 1:
        yield from map(work, items)
        return
    waiting: deque[Future[Result]] = deque()
    try:
        with ThreadPoolExecutor(threads, initializer=_one_thread) as pool:
            for item in items:
                waiting.append(pool.submit(work, item))
                if len(waiting) > threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
    finally:
        torch.set_num_threads(threads)  # what threads to come start with; _one_thread set that too


def _one_thread() -> None:
    torch.get_num_threads()  # a thread takes the common number when it is first asked, over what was set before
    torch.set_num_threads(1)
