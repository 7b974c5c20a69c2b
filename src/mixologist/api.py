"""The Python API: the same things as the command line.

import mixologist
mixologist.train("my.yaml")
model = mixologist.load("runs/my")
model.generate([{"role": "user", "content": "BYND: JPMorgan cuts target"}]).text
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mixologist import scaling
from mixologist.adding import base_of, check_data, run_recipe
from mixologist.describing import describe
from mixologist.errors import UserError, nearest
from mixologist.evaluating import evaluate_run, load_adapters
from mixologist.files import write_json
from mixologist.hooks import Hooks
from mixologist.model.base import load_base
from mixologist.model.checkpoint import load_bank, read_adapter
from mixologist.model.families import longest
from mixologist.model.generate import Generator
from mixologist.model.router import Route, Router
from mixologist.model.trunk import prompt_features
from mixologist.pipeline import execute
from mixologist.planning import resolve
from mixologist.recipe.load import load as load_recipe
from mixologist.recipe.schema import Recipe
from mixologist.records import Example, Message
from mixologist.report.html import write_report
from mixologist.runfolder import RunFolder
from mixologist.tasks.encoding import Encoded, Encoder
from mixologist.tasks.task import load_tasks

RecipeLike = Recipe | Path | str | dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """What the model said, who said it, and why it was that adapter."""

    text: str
    adapter: str
    route: Route | None
    """None where the caller named the adapter."""


class Model:
    """A trained run, ready to answer."""

    def __init__(self, run: Path | str) -> None:
        self.folder = RunFolder(Path(run))
        self.record = self.folder.complete_record()
        recipe = run_recipe(self.folder)
        choices = self.record["choices"]
        self.base = load_base(recipe.base_model, dtype=choices["dtype"])
        self.base.check_digest(self.record["base_digest"])
        self.bank = load_bank(
            self.base, [read_adapter(self.folder.adapter(name)) for name in self.record["adapters"]]
        )
        self.router = Router.load(self.folder.router)
        self.encoder = Encoder(self.base.tokenizer, longest(self.base.model.config))
        self.generator = Generator(self.base, self.bank, self.encoder.end_ids)

    @property
    def adapters(self) -> list[str]:
        """Names that ``adapter=`` takes beside ``auto`` and ``base``."""
        return self.bank.names

    def route(self, messages: Sequence[Message] | str) -> Route:
        """Which adapter the last turn of a conversation goes to, with probabilities and base score."""
        return self.router.routes(self._features(self._prompt(messages, 1)))[0]

    def generate(
        self,
        messages: Sequence[Message] | str,
        adapter: str = "auto",
        *,
        max_new_tokens: int = 128,
        temperature: float = 0.0,
        seed: int = 0,
        streamer: Any = None,
    ) -> Answer:
        """Answer the last turn with the routed adapter, or with the one named (``base`` for none)."""
        prompt = self._prompt(messages, max_new_tokens)
        route = self.router.routes(self._features(prompt))[0] if adapter == "auto" else None
        name = route.adapter if route else self.known(adapter)
        tokens = self.generator.generate(
            [prompt.prompt], [None if name == "base" else name], max_new_tokens,
            temperature=temperature, seed=seed, streamer=streamer,
        )[0]  # fmt: skip
        return Answer(self.base.tokenizer.decode(tokens, skip_special_tokens=True).strip(), name, route)

    def _features(self, prompt: Encoded) -> Any:
        return prompt_features(self.base, self.bank, [prompt], self.router.settings.depth)

    def known(self, adapter: str) -> str:
        """The name itself. Raises `UserError` for one that is no adapter, ``base`` or ``auto``."""
        known = [*self.adapters, "base", "auto"]
        if adapter not in known:
            raise UserError(
                "the run has no such adapter",
                given=adapter,
                expected=f"one of {', '.join(known)}",
                do=nearest(adapter, known),
            )
        return adapter

    def _prompt(self, messages: Sequence[Message] | str, room: int) -> Encoded:
        turns = [{"role": "user", "content": messages}] if isinstance(messages, str) else list(messages)
        for number, turn in enumerate(turns, 1):
            _check_turn(turn, number)
        if not turns or turns[-1]["role"] != "user" or not turns[-1]["content"].strip():
            raise UserError(
                "there is no question to answer",
                given=turns[-1:] or "no messages",
                expected="messages that end with a user's text",
                do="add a user message with text",
            )
        asked = Example("", "", tuple(turns), completion="", text=turns[-1]["content"], reference=None)
        fitted = self.encoder.fit(asked, self.encoder.max_length - room)
        if fitted is None:
            raise UserError(
                "max_new_tokens leaves no room for the question",
                given=room,
                expected=f"well below {self.encoder.max_length}",
                do="lower max_new_tokens",
            )
        return fitted


def plan(
    recipe: RecipeLike,
    *,
    overrides: Sequence[str] = (),
    allow_leakage: bool = False,
    memory_gb: float | None = None,
) -> dict[str, Any]:
    """What training would do, nothing trained: the object of ``plan --json``; with ``memory_gb`` also which settings
    fit into so much.
    """
    return describe(resolve(_recipe(recipe, overrides), allow_leakage=allow_leakage), memory_gb)


def train(
    recipe: RecipeLike,
    *,
    overrides: Sequence[str] = (),
    resume: bool = False,
    allow_leakage: bool = False,
    hooks: Hooks | None = None,
) -> dict[str, Any]:
    """Train a recipe into its ``output_dir``; returns run.json."""
    return execute(
        resolve(_recipe(recipe, overrides), allow_leakage=allow_leakage, stage=(hooks or Hooks()).stage),
        resume=resume,
        hooks=hooks,
    )


def load(run: Path | str) -> Model:
    """A trained run, ready to answer and to route."""
    return Model(run)


def evaluate(
    run: Path | str, split: str = "test", hooks: Hooks | None = None, *, overrides: Sequence[str] = ()
) -> dict[str, Any]:
    """Evaluate every system of a run on a split; answers that are kept are not computed again.

    ``overrides`` ask for more than the run's recipe does: ``evaluation.baselines=[base, few_shot]``. Writes
    evaluation.json for the test split, ``evaluation-<split>.json`` for another, and returns its content.
    """
    if split not in ("test", "validation", "train"):
        raise UserError(
            "unknown split",
            given=split,
            expected="test, validation or train",
            do=nearest(split, ["test", "validation", "train"]),
        )
    folder = RunFolder(Path(run))
    record = folder.complete_record()
    recipe = run_recipe(folder, _of_evaluation(overrides))
    tasks = load_tasks(recipe, allow_leakage=True)  # training stopped at leaks, or was told to go on
    check_data(record, tasks)
    base = base_of(record, recipe)
    bank = load_adapters(base, folder, record, recipe)
    general = {name: task for name, (task, _) in tasks.general.items()}
    encoder = Encoder(base.tokenizer, recipe.training.max_length)
    result = evaluate_run(
        recipe, record, (base, bank), encoder, folder, Router.load(folder.router), tasks.tasks, general, split,
        (hooks or Hooks()).stage,
    )  # fmt: skip
    write_json(folder.evaluation if split == "test" else folder.path / f"evaluation-{split}.json", result)
    write_report(folder.path)
    return result


def learning_curve(
    run: Path | str, task: str, seeds: int = scaling.TRAININGS, hooks: Hooks | None = None
) -> dict[str, Any]:
    """What a task of a finished run would score with fewer train rows, or with more: trains on parts of its rows.

    Returns the content of ``learning_curve/<task>/curve.json``: each part's metric with its interval, a power law
    through them with its uncertainty, and what the last doubling of the rows brought. Costs up to 5 x ``seeds`` times
    a training of the task alone, all at once. Raises `UserError` where the task is unknown or has too few rows.
    """
    return scaling.learning_curve(RunFolder(Path(run)), task, seeds, hooks)


def _check_turn(turn: Mapping[str, Any], number: int) -> None:
    """Raise `UserError` where a turn is no role and text, or the text cannot be written in UTF-8."""
    for key in ("role", "content"):
        text = turn.get(key) if isinstance(turn, Mapping) else None
        if not isinstance(text, str) or text.encode(errors="ignore").decode() != text:
            raise UserError(
                f"message {number} has no {key} that is text",
                given=ascii(turn)[:200],
                expected='{"role": "user", "content": "..."}, in UTF-8',
                do="mend the message; on a command line, check the terminal's encoding",
            )


def _of_evaluation(overrides: Sequence[str]) -> Sequence[str]:
    for override in overrides:
        if not override.startswith("evaluation."):
            raise UserError(
                "only the evaluation of a finished run can be changed",
                given=override,
                expected="a key under evaluation, such as evaluation.shots=8",
                do="train with this setting, into another output_dir",
            )
        if override.startswith("evaluation.seeds="):
            raise UserError(
                "seeds are trainings, and this run has had its own",
                given=override,
                expected="a setting that needs no training",
                do="train again with --set evaluation.seeds=..., into another output_dir",
            )
    return overrides


def _recipe(recipe: RecipeLike, overrides: Sequence[str]) -> Recipe:
    if isinstance(recipe, Recipe):
        return load_recipe(recipe.model_dump(mode="json"), overrides)
    return load_recipe(recipe, overrides)
