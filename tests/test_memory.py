"""Habits of libraries: settled before the first product; large pages asked for, given back, and asked for again."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mixologist.memory import KEPT

PAGES = Path("/sys/kernel/mm/transparent_hugepage/enabled")
SCRIPT = """
import torch
from mixologist.memory import give_back, in_large_pages

def large():
    lines = open("/proc/self/smaps_rollup").read().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("AnonHugePages"))

def used():
    held = [torch.ones(2**20) for _ in range(64)]  # 4 MB each
    return large()

before = used()
in_large_pages()
first = used()
give_back()
free = large()
print(before, first, free, used())
"""


@pytest.mark.skipif(
    not PAGES.exists() or "[madvise]" not in PAGES.read_text(), reason="no large pages for those that ask"
)
def test_what_is_handed_out_lies_in_large_pages_also_after_it_was_given_back() -> None:
    """Of 256 MB at least half, in a process of its own; kB."""
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    before, first, free, again = map(int, done.stdout.split())
    assert before < 2**15
    assert first > 2**17
    assert free < 2**15
    assert again > 2**17


PLANNED = """
import os, torch
from mixologist import memory
from mixologist.model.estimate import matrix_rate
assert not any(name in os.environ for name in memory.KEPT)
seen, product = [], torch.Tensor.__matmul__
torch.Tensor.__matmul__ = lambda a, b: seen.append(all(n in os.environ for n in memory.KEPT)) or product(a, b)
matrix_rate("cpu", torch.bfloat16)
assert seen and all(seen), seen
"""


def test_a_plan_s_products_settle_the_habits_that_training_in_the_same_process_needs() -> None:
    """The libraries read them with the first product, once: 400 MB more where `plan` came before `train`."""
    without = {name: value for name, value in os.environ.items() if name not in KEPT}
    subprocess.run([sys.executable, "-c", PLANNED], env=without, check=True)
