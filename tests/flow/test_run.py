"""A whole run on a tiny base, by the promises of DESIGN: files, shapes, add, export, API."""

from __future__ import annotations

import json
import shutil
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import AutoPeftModelForCausalLM, PeftModel
from transformers import AutoModelForCausalLM
from typer.testing import CliRunner

import mixologist
from mixologist.adding import add_adapter, add_task, read_task
from mixologist.cli.main import app
from mixologist.demo.build import rows
from mixologist.errors import Interrupted, UserError
from mixologist.evaluation.leave_one_out import leave_one_out
from mixologist.evaluation.routing import RouterReport
from mixologist.exporting import export
from mixologist.files import write_json_lines
from mixologist.hooks import Hooks
from mixologist.model import trunk
from mixologist.model.base import load_base
from mixologist.model.generate import Generator
from mixologist.model.router import Route
from mixologist.recipe.load import load
from mixologist.runfolder import RunFolder
from tests.conftest import tiny_recipe, write_data


@pytest.fixture
def run(tiny_run: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_run, tmp_path / "run"))


def evaluation(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / "evaluation.json").read_text())
    return found


def new_task(tmp_path: Path) -> Path:
    for split, count in {"train": 24, "validation": 8, "test": 8}.items():
        write_json_lines(tmp_path / "urgency" / f"{split}.jsonl", rows("urgency", split, count, seed=0))
    path = tmp_path / "new.yaml"
    path.write_text(f"name: urgency\npath: {tmp_path / 'urgency'}\nformat: classification\n")
    return path


def test_the_folder_has_its_fixed_names(tiny_run: Path) -> None:
    names = {path.name for path in tiny_run.iterdir()}
    assert {"recipe.yaml", "run.json", "metrics.jsonl", "adapters", "router", "evaluation.json"} <= names
    assert "checkpoints" not in names
    assert {path.name for path in (tiny_run / "adapters").iterdir()} == {"queue", "sentiment", "shared"}
    assert {"router.json", "router.safetensors"} <= {path.name for path in (tiny_run / "router").iterdir()}
    assert not [path for path in tiny_run.rglob("*") if path.suffix in (".bin", ".pt", ".pkl", ".partial")]


def test_the_evaluation_has_its_fixed_shape_and_adds_up(tiny_run: Path) -> None:
    found = evaluation(tiny_run)
    assert found["split"] == "test"
    assert set(found["tasks"]) == {"queue", "sentiment"}
    for task in found["tasks"].values():
        assert {"metric", "n", "served_by", "systems"} <= set(task)
        assert {"base", "single_task", "shared", "oracle", "routed", "tfidf"} == set(task["systems"])
        for system in task["systems"].values():
            assert {"value", "low", "high", "seeds", "format_failures", "verdict"} <= set(system)
            assert 0 <= system["low"] <= system["value"] <= system["high"] <= 1
        served = "shared" if task["served_by"] == "shared" else "single_task"
        assert task["systems"]["oracle"]["value"] == task["systems"][served]["value"]
    assert {"accuracy", "n"} <= set(found["router"])


def test_evaluating_again_changes_nothing_and_computes_nothing(run: Path) -> None:
    stored = {path: path.read_bytes() for path in (run / "predictions").rglob("*.jsonl")}
    assert mixologist.evaluate(run) == evaluation(run)
    assert {path: path.read_bytes() for path in (run / "predictions").rglob("*.jsonl")} == stored
    poisoned = next(path for path in stored if path.name == "base.jsonl")
    first, *lines = poisoned.read_text().splitlines()
    changed = [json.dumps(json.loads(line) | {"prediction": None}) for line in lines]
    poisoned.write_text("\n".join([first, *changed]) + "\n")
    again = mixologist.evaluate(run)["tasks"][poisoned.parent.name]["systems"]["base"]
    assert again["format_failures"] == len(lines)  # kept answers are believed ...
    poisoned.write_text("\n".join([json.dumps(json.loads(first) | {"adapter": "other"}), *changed]) + "\n")
    assert mixologist.evaluate(run) == {**evaluation(run)}  # ... unless something else made them


def test_exported_adapters_are_peft_folders_that_give_our_logits(run: Path, tmp_path: Path) -> None:
    written = export(RunFolder(run), tmp_path / "out")
    model = mixologist.load(run)
    ids = torch.arange(10, 60)[None]
    for folder in written:
        with torch.no_grad(), model.bank.use(model.bank.rows_of([folder.name])):
            ours = model.base.model(input_ids=ids).logits
        plain = AutoModelForCausalLM.from_pretrained(model.record["base_model"], dtype=torch.float32)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            theirs = PeftModel.from_pretrained(plain, str(folder))
        with torch.no_grad():
            assert float((theirs(input_ids=ids).logits - ours).abs().max()) < 1e-4


def test_an_exported_adapter_finds_its_base_by_itself(run: Path, tmp_path: Path) -> None:
    config = run / "adapters" / "queue" / "adapter_config.json"
    config.write_text(
        config.read_text().replace(json.loads(config.read_text())["base_model_name_or_path"], "builtin")
    )
    export(RunFolder(run), tmp_path / "out")
    named = json.loads((tmp_path / "out" / "queue" / "adapter_config.json").read_text())[
        "base_model_name_or_path"
    ]
    assert (
        AutoModelForCausalLM.from_pretrained(named).config.vocab_size
        == load_base("builtin").model.config.vocab_size
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        loaded = AutoPeftModelForCausalLM.from_pretrained(tmp_path / "out" / "sentiment")
    assert loaded.peft_config["default"].r == mixologist.load(run).bank.shapes[1].r


def test_a_merged_model_answers_like_its_adapter(run: Path, tmp_path: Path) -> None:
    export(RunFolder(run), tmp_path / "merged", merged="queue")
    model = mixologist.load(run)
    ids = torch.arange(10, 60)[None]
    with torch.no_grad(), model.bank.use(model.bank.rows_of(["queue"])):
        ours = model.base.model(input_ids=ids).logits
    merged = load_base(str(tmp_path / "merged"), dtype="float32")
    with torch.no_grad():
        torch.testing.assert_close(merged.model(input_ids=ids).logits, ours, rtol=1e-3, atol=1e-3)


def test_add_leaves_the_older_adapters_as_they_are_and_serves_the_new_task(run: Path, tmp_path: Path) -> None:
    before, old = evaluation(run), {p: p.read_bytes() for p in (run / "adapters").rglob("*") if p.is_file()}
    record = add_task(RunFolder(run), read_task(new_task(tmp_path)))
    assert all(path.read_bytes() == data for path, data in old.items())
    after = evaluation(run)
    for task in before["tasks"]:
        assert after["tasks"][task]["systems"]["oracle"] == before["tasks"][task]["systems"]["oracle"]
    assert record["served_by"]["urgency"] == "urgency"
    assert (
        after["tasks"]["urgency"]["systems"]["oracle"] == after["tasks"]["urgency"]["systems"]["single_task"]
    )
    model = mixologist.load(run)
    assert set(model.route("How urgent is this message?").tasks) == {"queue", "sentiment", "urgency"}
    assert mixologist.evaluate(run) == after
    with pytest.raises(UserError, match="already has"):
        add_task(RunFolder(run), read_task(new_task(tmp_path)))


def test_an_adapter_added_to_several_trainings_answers_in_each(
    tiny_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = load(tiny_run / "recipe.yaml").model_dump(mode="json")
    recipe["evaluation"]["seeds"] = 2
    mixologist.train(recipe | {"output_dir": str(tmp_path / "run")})
    routes = RouterReport.routes

    def mistaken(*given: Any) -> list[Route]:
        return [replace(route, adapter="urgency") for route in routes(*given)]

    monkeypatch.setattr(RouterReport, "routes", mistaken)
    add_task(RunFolder(tmp_path / "run"), read_task(new_task(tmp_path)))
    after = evaluation(tmp_path / "run")
    assert after["router"]["confusion"]["queue"] == {"urgency": 8}
    assert after["tasks"]["queue"]["systems"]["routed"]["seeds"] == 2
    assert after["tasks"]["urgency"]["systems"]["routed"]["seeds"] == 1
    assert mixologist.evaluate(tmp_path / "run") == after


def test_add_without_stored_features_makes_them_anew(run: Path, tmp_path: Path) -> None:
    with_features = Path(shutil.copytree(run, tmp_path / "with"))
    (run / "router" / "features.safetensors").unlink()
    spec = read_task(new_task(tmp_path))
    for folder in (run, with_features):
        add_task(RunFolder(folder), spec)
    one, two = (mixologist.load(folder).route("the kettle leaks") for folder in (run, with_features))
    assert one.tasks == pytest.approx(two.tasks, abs=1e-4)


def test_runs_that_differ_by_one_task_say_what_it_gives_the_others(tiny_run: Path, tmp_path: Path) -> None:
    recipe = load(tiny_run / "recipe.yaml").model_dump(mode="json")
    new_task(tmp_path)
    third = {"name": "urgency", "path": str(tmp_path / "urgency"), "format": "classification"}
    more = recipe | {"tasks": [*recipe["tasks"], third], "output_dir": str(tmp_path / "more")}
    mixologist.train(more)
    found = leave_one_out([RunFolder(tmp_path / "more"), RunFolder(tiny_run)])
    assert list(found) == ["urgency"]
    assert list(found["urgency"]) == ["queue", "sentiment"]
    for task, gain in found["urgency"].items():
        whole, part = (
            evaluation(run)["tasks"][task]["systems"]["shared"] for run in (tmp_path / "more", tiny_run)
        )
        assert gain["value"] == pytest.approx(whole["value"] - part["value"])
        assert gain["low"] <= gain["value"] <= gain["high"]
        assert gain["p_value"] <= gain["p_holm"]
    both = [str(tmp_path / "more"), str(tiny_run), "--out", str(tmp_path / "both.html"), "--json"]
    told = CliRunner().invoke(app, ["report", *both])
    assert json.loads(told.stdout)["left_out"] == found
    assert "What each task gives the others" in (tmp_path / "both.html").read_text()
    for run in ("more", "less"):  # the same answers, each a list of one label
        folder = tmp_path / run if run == "more" else Path(shutil.copytree(tiny_run, tmp_path / run))
        kept = folder / "predictions" / "test" / "queue" / "shared.jsonl"
        kept.write_text(_as_lists(kept.read_text()))
    listed = leave_one_out([RunFolder(tmp_path / "more"), RunFolder(tmp_path / "less")])
    assert listed["urgency"]["queue"]["value"] == found["urgency"]["queue"]["value"]
    clustered = tmp_path / "less" / "predictions" / "test" / "sentiment" / "shared.jsonl"
    first, *rows = clustered.read_text().splitlines()
    clustered.write_text("\n".join([first, *(row[:-1] + ', "cluster": "a"}' for row in rows)]) + "\n")
    paired = leave_one_out([RunFolder(tmp_path / "more"), RunFolder(tmp_path / "less")])
    assert list(paired["urgency"]) == ["queue"]
    answers = tmp_path / "more" / "predictions" / "test" / "queue" / "shared.jsonl"
    answers.write_text("\n".join(answers.read_text().splitlines()[:5]) + "\n")
    assert list(leave_one_out([RunFolder(tmp_path / "more"), RunFolder(tiny_run)])["urgency"]) == [
        "sentiment"
    ]


def _as_lists(lines: str) -> str:
    rows = [json.loads(line) for line in lines.splitlines()]
    for row in rows:
        for key in ("prediction", "reference"):
            if row.get(key) is not None:
                row[key] = [row[key]]
    return "".join(json.dumps(row) + "\n" for row in rows)


def test_an_existing_peft_folder_can_be_added_with_and_without_a_task(run: Path, tmp_path: Path) -> None:
    foreign = Path(shutil.copytree(run / "adapters" / "queue", tmp_path / "foreign"))
    add_adapter(RunFolder(run), foreign)
    model = mixologist.load(run)
    text = model.generate("My card is broken.", adapter="foreign", max_new_tokens=4)
    assert text.text == model.generate("My card is broken.", adapter="queue", max_new_tokens=4).text
    add_task(RunFolder(run), read_task(new_task(tmp_path)), foreign)
    assert (run / "adapters" / "urgency" / "adapter_model.safetensors").read_bytes() == (
        foreign / "adapter_model.safetensors"
    ).read_bytes()
    assert "foreign" not in mixologist.load(run).route("hello").probabilities


def test_the_api_routes_names_and_refuses(tiny_run: Path) -> None:
    model = mixologist.load(tiny_run)
    route = model.route([{"role": "user", "content": "Which queue is this ticket for?"}])
    assert sum(route.probabilities.values()) == pytest.approx(1, abs=1e-5)
    assert 0 <= route.base_score <= 1
    auto = model.generate("Which queue is this ticket for?", max_new_tokens=3)
    assert auto.route is not None
    assert auto.adapter == auto.route.adapter
    assert model.generate("hello", adapter="base", max_new_tokens=3).adapter == "base"
    with pytest.raises(UserError, match="no such adapter"):
        model.generate("hello", adapter="quuue")
    with pytest.raises(UserError, match="no question"):
        model.generate([{"role": "assistant", "content": "hello"}])


@pytest.mark.parametrize("plan", ["per_task", "shared", "groups", "common"])
def test_every_plan_trains_and_evaluates(plan: str, tiny_run: Path, tmp_path: Path) -> None:
    recipe = load(tiny_run / "recipe.yaml").model_dump(mode="json")
    adapters: dict[str, Any] = {"common": plan == "common", "plan": "auto" if plan == "common" else plan}
    if plan == "groups":
        adapters["groups"] = {"both": ["queue", "sentiment"]}
    recipe |= {"output_dir": str(tmp_path / "run"), "adapters": {"r": 4, **adapters}}
    mixologist.train(recipe)
    found = evaluation(tmp_path / "run")["tasks"]["queue"]
    expected = {
        "per_task": {"single_task"}, "shared": {"shared"}, "groups": {"shared"}, "common": {"single_task", "shared"},
    }[plan]  # fmt: skip
    assert set(found["systems"]) == {"base", "oracle", "routed", "tfidf", *expected}
    assert mixologist.load(tmp_path / "run").generate("hello", max_new_tokens=2).text is not None


def test_add_to_a_run_with_common_freezes_it(tiny_run: Path, tmp_path: Path) -> None:
    recipe = load(tiny_run / "recipe.yaml").model_dump(mode="json")
    recipe |= {"output_dir": str(tmp_path / "run"), "adapters": {"r": 4, "common": True}}
    mixologist.train(recipe)
    common = (tmp_path / "run" / "adapters" / "common" / "adapter_model.safetensors").read_bytes()
    add_task(RunFolder(tmp_path / "run"), read_task(new_task(tmp_path)))
    assert (tmp_path / "run" / "adapters" / "common" / "adapter_model.safetensors").read_bytes() == common
    config = json.loads((tmp_path / "run" / "adapters" / "urgency" / "adapter_config.json").read_text())
    assert config["r"] == 8


def test_an_adapter_that_was_changed_by_hand_is_evaluated_anew(run: Path) -> None:
    before = evaluation(run)["tasks"]["queue"]["systems"]["single_task"]
    for part in ("adapter_config.json", "adapter_model.safetensors"):
        shutil.copyfile(run / "adapters" / "sentiment" / part, run / "adapters" / "queue" / part)
    kept = (run / "predictions" / "test" / "queue" / "queue.jsonl").read_text()
    mixologist.evaluate(run)
    assert (run / "predictions" / "test" / "queue" / "queue.jsonl").read_text() != kept
    assert before["value"] >= 0


def test_an_add_stopped_while_evaluating_can_be_given_again(run: Path, tmp_path: Path) -> None:
    files = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}

    def stop(name: str, total: int) -> Any:
        if name == "evaluating":
            raise KeyboardInterrupt
        return lambda count: None

    spec = read_task(new_task(tmp_path))
    with pytest.raises(KeyboardInterrupt):
        add_task(RunFolder(run), spec, hooks=Hooks(stage=stop))
    assert all(path.read_bytes() == data for path, data in files.items())
    assert add_task(RunFolder(run), spec)["served_by"]["urgency"] == "urgency"


def test_an_add_with_other_data_does_not_continue_the_old_checkpoint(run: Path, tmp_path: Path) -> None:
    spec = read_task(new_task(tmp_path))
    with pytest.raises(Interrupted):
        add_task(RunFolder(run), spec, hooks=Hooks(should_stop=lambda: True))
    write_json_lines(tmp_path / "urgency" / "train.jsonl", rows("urgency", "train", 60, seed=0))
    add_task(RunFolder(run), spec)
    lines = [
        json.loads(line) for line in (run / "added" / "urgency" / "trace.jsonl").read_text().splitlines()
    ]
    assert sum(len(line["examples"]) for line in lines if "examples" in line) == 60


def test_line_separators_in_answers_survive_the_store(run: Path, tmp_path: Path) -> None:
    for split in ("train", "validation", "test"):
        made = [
            {"prompt": f"{split} question {n}", "completion": f"one\u2028two\x85three {n}"} for n in range(8)
        ]
        write_json_lines(tmp_path / "odd" / f"{split}.jsonl", made)
    (tmp_path / "odd.yaml").write_text(f"{{name: odd, path: {tmp_path / 'odd'}, max_new_tokens: 4}}\n")
    add_task(RunFolder(run), read_task(tmp_path / "odd.yaml"))
    assert mixologist.evaluate(run)["tasks"]["odd"]["n"] == 8


def test_the_router_and_evaluation_read_by_the_memory_that_training_has(
    tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, made, cut = set[int](), Generator.__init__, trunk.batches

    def make(self: Generator, *given: Any, max_tokens: int = 8192) -> None:
        read.add(max_tokens)
        made(self, *given, max_tokens=max_tokens)

    def noted(lengths: Any, max_tokens: int) -> list[list[int]]:
        read.add(max_tokens)
        return cut(lengths, max_tokens)

    monkeypatch.setattr(Generator, "__init__", make)
    monkeypatch.setattr(trunk, "batches", noted)
    write_data(tmp_path / "data")
    recipe = tiny_recipe(tiny_base, tmp_path / "data") | {"output_dir": str(tmp_path / "run")}
    recipe["training"] |= {"max_tokens_per_batch": 300, "max_steps": 1}
    mixologist.train(recipe)
    assert read == {600}
    recipe["training"] |= {"gradient_checkpointing": True}
    mixologist.train(recipe | {"output_dir": str(tmp_path / "other")})
    assert read == {600, 300}
