"""A real pretraining run of a tiny Llama: it learns, resumes exactly, shares its work between processes."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoTokenizer

from tools.pretrain import optimizer, shape
from tools.pretrain.tokenizer import train as train_tokenizer
from tools.pretrain.train import factor

TEXTS = [
    f"The sum of {n} and {n + 1} is {2 * n + 1}.\nThe letter {chr(97 + n % 26)} comes next."
    for n in range(400)
]


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A work folder with a small tokenizer and tokens."""
    folder = tmp_path_factory.mktemp("pretrain")
    tokenizer = train_tokenizer(iter(TEXTS), 400)
    tokenizer.save_pretrained(folder / "tokenizer")
    (folder / "tokens").mkdir()
    ids = [i for text in TEXTS * 4 for i in [*tokenizer(text)["input_ids"], tokenizer.eos_token_id]]
    np.asarray(ids, dtype=np.uint16).tofile(folder / "tokens" / "instructions.bin")
    return folder


def command(work: Path, name: str, *more: str, processes: int = 1) -> list[str]:
    start = [sys.executable, "-m"]
    if processes > 1:
        start += ["torch.distributed.run", "--nproc-per-node", str(processes), "--master-port", "29531", "-m"]
    places = [
        "--work",
        str(work),
        "--tokens-folder",
        str(work / "tokens"),
        "--tokenizer",
        str(work / "tokenizer"),
    ]
    size = ["--shape", "32", "2", "2", "64", "--tokens", "163840", "--batch", "4096", "--micro", "1024"]
    return [*start, "tools.pretrain.train", name, *places, *size, "--warmup", "3", "--rate", "2e-2",
            "--embedding-rate", "2e-2", "--no-compile", "--dtype", "float32", *more]  # fmt: skip


def run(*args: Any, **kwargs: Any) -> None:
    subprocess.run(command(*args, **kwargs), check=True, env=environment(), capture_output=True)


def environment() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1"}


def weights(work: Path, name: str) -> dict[str, torch.Tensor]:
    return load_file(work / name / "model" / "model.safetensors")


def losses(work: Path, name: str) -> list[float]:
    return [json.loads(line)["loss"] for line in (work / name / "log.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def whole(work: Path) -> str:
    run(work, "whole")
    return "whole"


def test_it_learns(work: Path, whole: str) -> None:
    found, vocabulary = losses(work, whole), len(AutoTokenizer.from_pretrained(work / "tokenizer"))
    assert found[0] == pytest.approx(np.log(vocabulary), abs=0.2)
    assert found[-1] < found[0] - 2


def test_killed_and_resumed_it_ends_with_the_same_weights(work: Path, whole: str) -> None:
    process = subprocess.Popen(command(work, "cut", "--save-seconds", "0"), env=environment())
    while not (work / "cut" / "log.jsonl").exists() or len(losses(work, "cut")) < 3:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    run(work, "cut")
    for name, value in weights(work, whole).items():
        assert torch.equal(value, weights(work, "cut")[name]), name


def test_two_processes_do_the_work_of_one(work: Path, whole: str) -> None:
    run(work, "two", processes=2)
    assert losses(work, "two")[:5] == pytest.approx(losses(work, whole)[:5], abs=2e-3)


def test_a_part_goes_on_from_given_weights(work: Path, whole: str) -> None:
    run(work, "next", "--weights", str(work / whole / "model"), "--seed", "1")
    assert losses(work, "next")[0] < losses(work, whole)[3]


def test_the_learning_rate_goes_up_and_then_down_to_its_end() -> None:
    factors = [factor(step, 100, 10, 0.2) for step in range(100)]
    assert factors[0] == pytest.approx(0.1)
    assert max(factors) == factors[9] == 1
    assert factors[-1] == pytest.approx(0.2, abs=0.01)


def test_optimizer_state_survives_saving(tmp_path: Path) -> None:
    model = shape.build(16, 1, 2, 32, 300, tied=False, seed=0)
    states: list[list[Any]] = []
    for _ in range(2):
        optimizers = optimizer.build(model, "muon", 1e-2, 1e-2, 0.1)
        if states:
            optimizer.load(optimizers, tmp_path / "state.safetensors")
        model(input_ids=torch.tensor([[1, 2, 3]]), labels=torch.tensor([[1, 2, 3]])).loss.backward()
        if not states:
            for one in optimizers:
                one.step()
            optimizer.save(optimizers, tmp_path / "state.safetensors")
        states.append([one.state_dict()["state"] for one in optimizers])
    for saved, loaded in zip(*states, strict=True):
        for index, state in saved.items():
            assert all(
                torch.equal(torch.as_tensor(state[k]), torch.as_tensor(loaded[index][k])) for k in state
            )
