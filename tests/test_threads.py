"""Batches side by side: the same numbers with any number of threads, in order, and nothing left behind."""

import threading
import time

import numpy as np
import pytest
import torch

from stance.entailment import load_model
from stance.threads import side_by_side


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_results_come_in_order_from_several_threads_of_one_torch_thread_each(two_threads):
    meeting = threading.Barrier(2, timeout=30)  # passes only if two items are under way at once

    def work(item):
        meeting.wait()
        time.sleep(0.01 * (item % 3))
        return item, threading.get_ident(), torch.get_num_threads()

    found = list(side_by_side(work, range(10)))
    assert [item for item, _, _ in found] == list(range(10))
    assert len({thread for _, thread, _ in found} - {threading.get_ident()}) == 2
    assert {threads for _, _, threads in found} == {1}
    assert torch.get_num_threads() == 2
    later = []
    other = threading.Thread(target=lambda: later.append(torch.get_num_threads()))
    other.start()
    other.join()
    assert later == [2]  # what a new thread starts with is as it was


def test_items_are_taken_as_they_are_needed(two_threads):
    taken = []
    results = side_by_side(lambda item: item, (taken.append(i) or i for i in range(100)))
    assert next(results) == 0
    assert len(taken) <= 4
    results.close()
    assert len(taken) <= 4
    assert torch.get_num_threads() == 2


def test_what_goes_wrong_in_a_thread_is_raised(two_threads):
    with pytest.raises(ZeroDivisionError):
        list(side_by_side(lambda item: 1 / item, [2, 1, 0, 1]))
    assert torch.get_num_threads() == 2


def test_fixed_batches_give_the_same_bits_with_any_number_of_threads(tiny_model, two_threads):
    model = load_model(tiny_model(), cache=False).with_batches(64)
    pairs = [(" ".join(["the gangs"] * (i % 9 + 1)), f"claim {i}") for i in range(60)]
    texts = [premise for premise, _ in pairs]
    two = model.predict(pairs), model.embed(texts)
    torch.set_num_threads(1)
    one = model.predict(pairs), model.embed(texts)
    for a, b in zip(one, two, strict=True):
        assert np.array_equal(a, b)
