"""The harness runs its tasks on a run, and finds the values that we find."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import mixologist
from mixologist.adding import run_recipe
from mixologist.errors import UserError
from mixologist.files import read_json
from mixologist.runfolder import RunFolder
from mixologist.tasks.task import load_tasks

lm_eval = pytest.importorskip("lm_eval", reason="the extra 'harness' is not installed")


@pytest.fixture
def items(tmp_path: Path, tiny_run: Path) -> dict[str, Any]:
    """The test rows of a task of `tiny_run` as local files, asked in the same words."""
    recipe = run_recipe(RunFolder(tiny_run))
    task = load_tasks(recipe, allow_leakage=True).tasks["queue"]
    labels = list(task.format.choices)
    rows = [
        {"question": row.messages[-1]["content"], "gold": labels.index(row.reference)}
        for row in task.splits["test"]
    ]
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    common = f"dataset_path: json\ndataset_kwargs: {{data_files: {{test: {file}}}}}\ntest_split: test\n"
    common += 'doc_to_text: "{{question}}"\ntarget_delimiter: ""\n'
    ends = json.dumps([f"{label}<|end|>" for label in labels])
    (tmp_path / "choice.yaml").write_text(
        f"task: queue_choice\n{common}output_type: multiple_choice\ndoc_to_choice: {ends}\n"
        "doc_to_target: gold\nmetric_list: [{metric: acc}]\n"
    )
    (tmp_path / "text.yaml").write_text(
        f"task: queue_text\n{common}output_type: generate_until\ndoc_to_target: gold\n"
        'generation_kwargs: {until: ["zz", "e"], max_gen_toks: 12}\nmetric_list: [{metric: exact_match}]\n'
    )
    return {"folder": tmp_path, "labels": labels, "rows": rows, "task": task}


def _evaluate(items: dict[str, Any], task: str, **model: str) -> dict[str, Any]:
    from lm_eval.tasks import TaskManager

    from mixologist.harness import HarnessModel

    found: dict[str, Any] = lm_eval.simple_evaluate(
        HarnessModel(**model), tasks=[task], task_manager=TaskManager(include_path=str(items["folder"])),
        apply_chat_template=True, log_samples=True, bootstrap_iters=0,
    )  # fmt: skip
    return found


@pytest.mark.parametrize(
    ("adapter", "system"), [("auto", "routed"), ("base", "base"), ("queue", "single_task")]
)
def test_it_finds_our_value(items: dict[str, Any], tiny_run: Path, adapter: str, system: str) -> None:
    found = _evaluate(items, "queue_choice", run=str(tiny_run), adapter=adapter)
    kept = tiny_run / "predictions" / "test" / "queue"
    samples = sorted(found["samples"]["queue_choice"], key=lambda sample: sample["doc_id"])
    chosen = [items["labels"][int(np.argmax([r[0] for r in s["filtered_resps"]]))] for s in samples]
    if system != "routed":
        _, *rows = (kept / f"{adapter}.jsonl").read_text().splitlines()
        ours = {row["id"]: row["prediction"] for row in map(json.loads, rows)}
        assert chosen == [ours[row.id] for row in items["task"].splits["test"]]
    right = np.mean(
        [label == row.reference for label, row in zip(chosen, items["task"].splits["test"], strict=True)]
    )
    assert found["results"]["queue_choice"]["acc,none"] == pytest.approx(right)
    figures = read_json(tiny_run / "evaluation.json")["tasks"]["queue"]
    if figures["metric"] == "accuracy":
        assert figures["systems"][system]["value"] == pytest.approx(right)


def test_likelihoods_are_those_of_transformers(tiny_run: Path) -> None:
    from lm_eval.api.instance import Instance

    from mixologist.harness import HarnessModel

    model = HarnessModel(run=str(tiny_run), adapter="base")
    pairs = [
        ("The river", " rises in the north."),
        ("The river", " sleeps"),
        ("A bank", " lends"),
        ("", "Alone"),
    ]
    found = model.loglikelihood(
        [_asked(Instance, "loglikelihood", pair) for pair in pairs], disable_tqdm=True
    )
    for (context, continuation), (value, greedy) in zip(pairs, found, strict=True):
        ids = model.tok_encode(context) or [model.eot_token_id]
        wanted = model.tok_encode(context + continuation)[len(model.tok_encode(context)) :]
        with torch.no_grad():
            logits = model.model.base.model(input_ids=torch.tensor([ids + wanted])).logits[
                0, len(ids) - 1 : -1
            ]
        expected = logits.log_softmax(-1)[range(len(wanted)), wanted].sum()
        assert value == pytest.approx(float(expected), abs=1e-3)
        assert greedy == (logits.argmax(-1).tolist() == wanted)
    text = "The river rises in the north. " * 200
    (whole,) = model.loglikelihood_rolling(
        [_asked(Instance, "loglikelihood_rolling", (text,))], disable_tqdm=True
    )
    ids = model.tok_encode(text)
    assert len(ids) > model.max_length
    total = 0.0
    for start in range(0, len(ids), model.max_length):
        # Windows end with the text: the last one is filled up with tokens that were read before.
        end = min(start + model.max_length, len(ids))
        given = [model.eot_token_id, *ids][max(0, end - model.max_length) : end]
        with torch.no_grad():
            logits = model.model.base.model(input_ids=torch.tensor([given])).logits[0].log_softmax(-1)
        new = end - start
        total += float(logits[-new:][range(new), ids[start:end]].sum())
    assert whole == pytest.approx(total, rel=1e-4)


def test_answers_stop_at_the_tasks_strings(items: dict[str, Any], tiny_run: Path) -> None:
    found = _evaluate(items, "queue_text", run=str(tiny_run))
    samples = found["samples"]["queue_text"]
    model = mixologist.load(tiny_run)
    for sample, row in zip(sorted(samples, key=lambda s: s["doc_id"]), items["rows"], strict=True):
        whole = model.base.tokenizer.decode(
            model.generator.generate(
                [model.encoder.prompt([{"role": "user", "content": row["question"]}]).prompt],
                [None if (name := model.route(row["question"]).adapter) == "base" else name],
                12,
            )[0],
            skip_special_tokens=True,
        )
        assert sample["resps"][0][0] == whole.partition("zz")[0].partition("e")[0]


def test_it_runs_from_the_command_line(items: dict[str, Any], tiny_run: Path) -> None:
    command = [
        sys.executable, "-m", "mixologist.harness", "--model", "mixologist", "--model_args", f"run={tiny_run}",
        "--apply_chat_template", "--include_path", str(items["folder"]), "--tasks", "queue_choice",
        "--output_path", str(items["folder"] / "out"),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "HF_HUB_OFFLINE": "1"})
    assert done.returncode == 0, done.stderr
    assert "queue_choice" in done.stdout
    assert list((items["folder"] / "out").rglob("results*.json"))


def test_releases_that_look_for_entry_points_find_it() -> None:
    from mixologist.harness import HarnessModel

    (found,) = entry_points(group="lm_eval.models", name="mixologist")
    assert found.load() is HarnessModel


def test_its_tasks_become_rows_of_the_report(items: dict[str, Any], tiny_run: Path) -> None:
    run = Path(shutil.copytree(tiny_run, items["folder"] / "run"))
    command = ["mixologist.cli.main", "evaluate", str(run), "--harness-path", str(items["folder"]), "--json"]
    asked = ["--harness", "queue_choice", "--harness", "queue_text", "--harness-limit", "5"]
    done = subprocess.run(
        [sys.executable, "-m", *command, *asked], capture_output=True, text=True,
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = {row["task"]: row for row in json.loads(done.stdout)["harness"]}
    assert list(told) == ["queue_choice", "queue_text"]
    kept = read_json(run / "harness.json")
    assert kept["rows"] == list(told.values())
    found = told["queue_choice"]
    assert (found["metric"], found["higher_is_better"]) == ("acc", True)
    for system, adapter in (("base", "base"), ("routed", "auto")):
        alone = _evaluate(items, "queue_choice", run=str(tiny_run), adapter=adapter)
        first = sorted(alone["samples"]["queue_choice"], key=lambda sample: sample["doc_id"])[:5]
        assert found["systems"][system] | {"minus_base": None} == {
            "value": pytest.approx(np.mean([sample["acc"] for sample in first])), "n": 5, "minus_base": None,
        }  # fmt: skip
    change = found["systems"]["routed"]["minus_base"]
    assert change["low"] <= change["value"] <= change["high"]
    assert "queue_choice" in (run / "report.html").read_text()


def test_a_run_or_adapter_that_is_not_there(tiny_run: Path) -> None:
    from mixologist.harness import HarnessModel

    with pytest.raises(UserError, match="no run is named"):
        HarnessModel()
    with pytest.raises(UserError, match="no such adapter"):
        HarnessModel(run=str(tiny_run), adapter="queu")


def _asked(instance: Any, kind: str, arguments: tuple[str, ...]) -> Any:
    return instance(request_type=kind, doc={}, arguments=arguments, idx=0)
