"""Other routers are taught and asked the same prompts as ours, and the difference is that of the accuracies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

import mixologist
from mixologist.adding import run_recipe
from mixologist.evaluation.answers import BASE
from mixologist.evaluation.rival_routers import Rival, RivalRouters, Texts, Tfidf
from mixologist.files import read_json
from mixologist.model.base import read_tokenizer
from mixologist.runfolder import RunFolder
from mixologist.tasks.encoding import Encoder
from mixologist.tasks.task import Task, load_tasks
from mixologist.tasks.wordings import KINDS, prompts_worded
from tests.conftest import tiny_recipe, write_data


class Keeps:
    """Says what it was taught of a text, and "" of others."""

    def __init__(self) -> None:
        self.known: dict[str, str] = {}

    def fit(self, train: tuple[Texts, Texts], validation: tuple[Texts, Texts]) -> None:
        self.known = dict(zip(*train, strict=True))

    def names(self, texts: Texts) -> Sequence[str]:
        return [self.known.get(text, "") for text in texts]


def taught(run: Path, rival: Rival, *, general: bool = False) -> RivalRouters:
    """A rival on the prompts of a run; with ``general`` one of its tasks stands for general data."""
    recipe = run_recipe(RunFolder(run))
    tasks = dict(load_tasks(recipe, allow_leakage=True).tasks)
    foreign = {"general": tasks.pop("sentiment")} if general else {}
    served = {name: name for name in tasks}
    encoder = Encoder(read_tokenizer(str(recipe.base_model)), recipe.training.max_length)
    return RivalRouters({"rival": rival}, tasks, foreign, served, encoder, recipe)


def asked(routers: RivalRouters, tasks: Mapping[str, Task], split: str, kinds: Sequence[str] = KINDS) -> None:
    for kind in kinds:
        for name, task in tasks.items():
            wording = KINDS[0] if kind == BASE else kind
            prompts = prompts_worded(
                task, split, wording, routers.encoder, seed=0, rewordings=task.held_out_rewordings
            )
            routers.ask(kind, name, prompts)


def ids(tasks: Mapping[str, Task], split: str) -> dict[str, list[str]]:
    return {name: [row.id for row in task.splits[split]] for name, task in tasks.items()}


def test_it_is_taught_every_wording_of_the_train_prompts_and_general_ones_as_the_bases(
    tiny_run: Path,
) -> None:
    rival = Keeps()
    routers = taught(tiny_run, rival, general=True)
    tasks = load_tasks(run_recipe(RunFolder(tiny_run)), allow_leakage=True).tasks
    assert {*rival.known.values()} == {"queue", BASE}
    for row in tasks["queue"].splits["train"]:
        assert rival.known[row.messages[-1]["content"]] == "queue"
        assert rival.known[row.text] == "queue"
    queue, foreign = {"queue": tasks["queue"]}, {"general": tasks["sentiment"]}
    ours = {kind: {"queue": ["queue"] * len(tasks["queue"].splits["train"])} for kind in KINDS}
    asked(routers, queue, "train")
    asked(routers, foreign, "train", [BASE])
    found = routers.report(ours, ids(queue, "train"))["rival"]
    assert found["kinds"]["formatted"]["accuracy"] == found["general"]["to_base"] == 1
    assert found["kinds"]["formatted"]["ours_minus"]["value"] == 0


def test_the_difference_is_that_of_the_accuracies(tiny_run: Path) -> None:
    tasks = load_tasks(run_recipe(RunFolder(tiny_run)), allow_leakage=True).tasks
    always = {name: ["queue"] * len(task.splits["test"]) for name, task in tasks.items()}
    routers = taught(tiny_run, Tfidf())
    asked(routers, tasks, "test")
    found = routers.report(dict.fromkeys(KINDS, always), ids(tasks, "test"))["rival"]
    assert found["general"] is None
    for kind in found["kinds"].values():
        gap = kind["ours_minus"]
        assert gap["value"] == pytest.approx(0.5 - kind["accuracy"])
        assert gap["low"] <= gap["value"] <= gap["high"]
        assert kind["n"] == sum(map(len, always.values()))
    assert found["kinds"]["formatted"]["accuracy"] == 1, "instructions name the task"


def test_a_run_with_one_adapter_for_all_has_nothing_to_route(tiny_run: Path) -> None:
    record = RunFolder(tiny_run)
    assert {*record.record()["served_by"].values()} == {"shared"}
    assert read_json(record.evaluation)["router"]["rivals"] == {}


def test_the_report_of_a_run_asks_its_rivals_what_it_asks_the_router(tiny_base: Path, tmp_path: Path) -> None:
    write_data(tmp_path / "data")
    general = {"path": str(tmp_path / "data" / "sentiment"), "format": "classification", "name": "talk"}
    recipe = tiny_recipe(tiny_base, tmp_path / "data") | {
        "output_dir": str(tmp_path / "run"),
        "general": general,
    }
    mixologist.train(recipe | {"adapters": {"r": 4, "plan": "per_task"}})
    router = read_json(tmp_path / "run" / "evaluation.json")["router"]
    for kind, found in router["rivals"]["tfidf"]["kinds"].items():
        gap = router["kinds"][kind]["accuracy"] - found["accuracy"]
        assert found["ours_minus"]["value"] == pytest.approx(gap)
        assert found["n"] == router["n"]
    assert router["rivals"]["tfidf"]["general"]["n"] == 8


def test_texts_without_words_are_learned_too() -> None:
    rival = Tfidf()
    rival.fit((["+ +", "- -"] * 5, ["a", "b"] * 5), (["+"], ["a"]))
    assert rival.names(["+", "- - -"]) == ["a", "b"]


def test_tfidf_tells_words_apart() -> None:
    texts = [f"{word} number {n}" for n in range(10) for word in ("refund", "weather")]
    rival = Tfidf()
    rival.fit((texts, ["a", "b"] * 10), (texts[:4], ["a", "b"] * 2))
    assert rival.names(["the weather", "a refund"]) == ["b", "a"]
