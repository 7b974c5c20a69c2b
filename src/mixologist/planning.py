"""From a recipe to a plan: all data read and measured, all mistakes found, nothing trained and no weights loaded."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any

from mixologist.errors import UserError, nearest
from mixologist.mixing.forecast import Forecast, forecast
from mixologist.mixing.sampler import Control, Feeds, control_name, with_controls
from mixologist.model import families
from mixologist.model.base import folder_digest, locate, read_config, read_tokenizer
from mixologist.model.estimate import Skeleton, skeleton
from mixologist.model.router import auto_depth
from mixologist.recipe import advice
from mixologist.recipe.fingerprint import recipe_fingerprint
from mixologist.recipe.schema import Recipe
from mixologist.tasks.encoding import MEASURED, SHORTEST_PROMPT, Advance, EncodedSplit, Encoder, silent
from mixologist.tasks.task import Stage, Task, TaskSet, load_tasks


@dataclass(frozen=True)
class Plan:
    """Everything that is known before training."""

    recipe: Recipe
    tasks: TaskSet
    encoder: Encoder
    train: dict[str, EncodedSplit]
    """Task or general data -> its train rows."""
    feeds: Feeds
    forecast: Forecast
    skeleton: Skeleton
    trunk: int
    depth: int
    modules: tuple[str, ...]
    """Linears that carry adapters."""
    fingerprint: str
    allow_leakage: bool = False
    """Whether train rows may stand in their own task's test."""
    warnings: list[str] = field(default_factory=list)

    @property
    def general(self) -> dict[str, Task]:
        """General and math data as tasks."""
        return {name: task for name, (task, _) in self.tasks.general.items()}

    @property
    def adapter_numbers(self) -> int:
        """Parameters of one adapter."""
        r = self.recipe.adapters.r
        return sum(r * sum(self.skeleton.linears[name]) for name in self.modules)

    @property
    def adapters(self) -> int:
        """Adapters in the bank, ``common`` included."""
        return len(self.feeds.adapters) + self.recipe.adapters.common

    def tokens(self, name: str) -> int:
        """Tokens of one pass over a task's train rows."""
        return self.train[name].tokens

    def tokens_computed(self) -> int:
        """Tokens that training puts through the base: every draw once for each adapter that it feeds."""
        total = 0.0
        for adapter, tasks in self.feeds.adapters.items():
            examples = self.forecast.updates[adapter] * self.feeds.batch_size
            shares = {name: share for name, (_, share) in self.feeds.general.items()}
            drawn = sum(self.forecast.draws[task] for task in tasks)
            rest = 1 - sum(shares.values())
            shares |= {task: rest * self.forecast.draws[task] / max(1, drawn) for task in tasks}
            total += sum(examples * share * self._mean_length(name) for name, share in shares.items())
        return int(total)

    def _mean_length(self, name: str) -> float:
        return self.tokens(name) / len(self.train[name])


def resolve(
    recipe: Recipe, *, allow_leakage: bool = False, stage: Stage = lambda name, total: silent
) -> Plan:
    """Read and measure everything a recipe names.

    Costs one pass over the rows (15 s a million) and the tokenizing of at most 20,000 train rows a task.
    """
    config = read_config(recipe.base_model)
    _check_dtype(recipe, config)
    encoder = Encoder(read_tokenizer(recipe.base_model), _longest(recipe, config))
    tasks = load_tasks(recipe, allow_leakage=allow_leakage, stage=stage)
    _check_answers(tasks, config)
    every = tasks.tasks | {name: task for name, (task, _) in tasks.general.items()}
    advance = stage("measuring", sum(min(MEASURED, len(task.splits["train"])) for task in every.values()))
    train = {name: encode(task, "train", encoder, advance) for name, task in every.items()}
    feeds = make_feeds(recipe, tasks, train)
    weights = [task.weight for task in tasks.tasks.values()]
    bones = skeleton(config)
    trunk = _trunk(recipe, bones)
    foreseen = forecast(feeds, recipe.mixture, weights, recipe.seed)
    _check_updates(foreseen)
    digests = {f"{name}/{split}": d for name, task in every.items() for split, d in task.digests.items()}
    folder = locate(recipe.base_model)
    return Plan(
        recipe=recipe,
        tasks=tasks,
        encoder=encoder,
        train=train,
        feeds=feeds,
        forecast=foreseen,
        skeleton=bones,
        trunk=trunk,
        depth=_depth(recipe, bones, trunk),
        modules=_modules(recipe, bones, trunk),
        fingerprint=recipe_fingerprint(recipe, digests | ({"base": folder_digest(folder)} if folder else {})),
        allow_leakage=allow_leakage,
        warnings=[*advice.warnings(recipe), *_idle(foreseen), *_data_warnings(tasks, train)],
    )


def _check_updates(foreseen: Forecast) -> None:
    if not any(foreseen.updates.values()):
        raise UserError(
            "this training has no update in it",
            given=f"{foreseen.steps} steps, in which no adapter gathers a batch",
            expected="enough draws for one update at least",
            do="raise training.num_train_epochs or max_steps, or lower training.batch_size",
        )


def _idle(foreseen: Forecast) -> list[str]:
    """Adapters that will stay as they begin: what they score is the base's."""
    idle = [name for name, updates in foreseen.updates.items() if not updates]
    return [f"no update in the whole training, so nothing is learned: {', '.join(idle)}"] if idle else []


def encode(task: Task, split: str, encoder: Encoder, advance: Advance = silent) -> EncodedSplit:
    """A split as token ids. Raises `UserError` where no row's answer fits."""
    encoded = EncodedSplit(task.splits[split], encoder.with_length(task.max_length), advance)
    if not len(encoded):
        raise UserError(
            f"no answer of task '{task.name}' fits",
            given=f"max_length {task.max_length or encoder.max_length}",
            expected="room for answer and prompt",
            do="raise max_length on the task or training.max_length",
        )
    return encoded


def make_feeds(recipe: Recipe, tasks: TaskSet, train: dict[str, EncodedSplit]) -> Feeds:
    """Which adapters there are and what feeds them (DESIGN: Plans)."""
    names = tuple(tasks.tasks)
    exclusive: dict[str, tuple[str, ...]] = {name: (name,) for name in names}
    shared: dict[str, tuple[str, ...]] = {"shared": names}
    plan = recipe.adapters.plan
    if plan == "auto":
        adapters = exclusive | (shared if len(names) > 1 else {})
    elif plan == "groups":
        adapters = {group: tuple(members) for group, members in recipe.adapters.groups.items()}
    else:
        adapters = exclusive if plan == "per_task" else shared
    feeds = Feeds(
        rows={name: len(train[name]) for name in names},
        adapters=adapters,
        general={name: (len(train[name]), share) for name, (_, share) in tasks.general.items() if share > 0},
        batch_size=recipe.training.batch_size,
        epochs=recipe.training.num_train_epochs,
        max_steps=recipe.training.max_steps,
    )
    return with_controls(feeds, controls(recipe, feeds))


def controls(recipe: Recipe, feeds: Feeds) -> dict[str, Control]:
    """``single_task_total_steps``: an adapter of one task with as many steps as one that is fed by all of them."""
    if "single_task_total_steps" not in recipe.evaluation.baselines:
        return {}
    examples = sum(feeds.draws(step) for step in range(feeds.steps))
    return {
        control_name("single_task_total_steps", task): Control(task, feeds.rows[task], examples)
        for task in recipe.evaluation.total_steps_tasks or feeds.rows
    }


def full_models(plan: Plan) -> dict[str, tuple[str, ...]]:
    """The fully fine-tuned baselines that the recipe names: name -> the tasks that it is trained on."""
    names, wanted = tuple(plan.tasks.tasks), plan.recipe.evaluation.baselines
    single = {control_name("full_single_task", task): (task,) for task in names}
    multi = {"full_multi_task": names}
    return (single if "full_single_task" in wanted else {}) | (multi if "full_multi_task" in wanted else {})


def plan_of_full(plan: Plan, name: str) -> Plan:
    """The plan of one fully fine-tuned baseline: draws, steps and validations of an adapter with its tasks, and a
    learning rate of its own.
    """
    recipe = plan.recipe
    training = recipe.training.model_copy(update={"learning_rate": full_learning_rate(recipe)})
    feeds = replace(plan.feeds, adapters={name: full_models(plan)[name]}, controls={})
    weights = [task.weight for task in plan.tasks.tasks.values()]
    return replace(
        plan, recipe=recipe.model_copy(update={"training": training}), feeds=feeds, trunk=0,
        forecast=forecast(feeds, recipe.mixture, weights, recipe.seed),
    )  # fmt: skip


def full_learning_rate(recipe: Recipe) -> float:
    """A tenth of the adapters' unless said otherwise: LoRA's best rate is about ten times full fine-tuning's, whatever
    the model (LoRA Without Regret, Schulman et al. 2025), so that tuning the one tunes the other.
    """
    return recipe.training.full_learning_rate or recipe.training.learning_rate / 10


def steps_between_validations(plan: Plan) -> int:
    """``evaluation.every`` (epochs) in steps."""
    per_epoch = (
        plan.feeds.steps / max(plan.feeds.epochs, 1e-9)
        if plan.recipe.training.max_steps is None
        else (sum(plan.feeds.rows.values()) / plan.feeds.batch_size)
    )
    return max(1, math.ceil(per_epoch * plan.recipe.evaluation.every - 1e-9))


def _longest(recipe: Recipe, config: Any) -> int:
    positions = families.longest(config)
    lengths = [recipe.training.max_length, *(task.max_length or 0 for task in recipe.tasks)]
    if max(lengths) > positions:
        raise UserError(
            "max_length is longer than the base can read",
            given=max(lengths),
            expected=f"at most {positions} tokens",
            do=f"write training.max_length: {positions} or less",
        )
    return recipe.training.max_length


def _check_dtype(recipe: Recipe, config: Any) -> None:
    if recipe.training.dtype == "float64" and getattr(config, "attn_logit_softcapping", None):
        raise UserError(
            "training.dtype cannot be float64 on this base",
            given=f"{recipe.base_model}, whose attention is soft-capped",
            expected="auto, float32 or bfloat16: in Transformers a padded row's attention is not a number in float64",
            do="write training.dtype: float32",
        )


def _check_answers(tasks: TaskSet, config: Any) -> None:
    for name, task in tasks.tasks.items():
        if families.longest(config) - task.max_new_tokens < SHORTEST_PROMPT:
            raise UserError(
                f"task '{name}': its longest answer leaves no room for a prompt",
                given=f"max_new_tokens {task.max_new_tokens}",
                expected=f"well below the {families.longest(config)} tokens that the base can read",
                do="lower max_new_tokens on the task",
            )


def _trunk(recipe: Recipe, bones: Skeleton) -> int:
    """``auto`` is 0. On trimmed rows a quarter of the built-in base's blocks cost nothing, half of them up to 3 points
    (docs/results/trunk-finance.md, trunk-service.md); where there is more for depth to learn, that is not measured.
    """
    trunk = recipe.adapters.trunk
    if trunk == "auto":
        return 0
    if trunk >= bones.blocks:
        raise UserError(
            "adapters.trunk leaves no block for adapters",
            given=trunk,
            expected=f"0 to {bones.blocks - 1}",
            do="lower it; 0 is ordinary LoRA in all blocks",
        )
    return trunk


def _depth(recipe: Recipe, bones: Skeleton, trunk: int) -> int:
    depth = recipe.router.depth
    if depth == "auto":
        return auto_depth(bones.blocks, trunk)
    if depth > bones.blocks:
        raise UserError(
            "router.depth is deeper than the base",
            given=depth,
            expected=f"1 to {bones.blocks}",
            do="lower it, or write auto",
        )
    return depth


def _modules(recipe: Recipe, bones: Skeleton, trunk: int) -> tuple[str, ...]:
    above = [name for name in bones.linears if _block(name) >= trunk]
    targets = recipe.adapters.target_modules
    if targets == "all-linear":
        return tuple(above)
    known = {name.rpartition(".")[2] for name in above}
    for target in targets:
        if not any(name == target or name.endswith(f".{target}") for name in above):
            raise UserError(
                "adapters.target_modules names no linear layer",
                given=target,
                expected=f"all-linear, or names among {', '.join(sorted(known))}",
                do=nearest(target, known),
            )
    return tuple(n for n in above if any(n == target or n.endswith(f".{target}") for target in targets))


def _block(module: str) -> int:
    return int(next(part for part in module.split(".") if part.isdigit()))


def _data_warnings(tasks: TaskSet, train: dict[str, EncodedSplit]) -> list[str]:
    found: list[str] = []
    for name, task in (tasks.tasks | {n: t for n, (t, _) in tasks.general.items()}).items():
        rows = train[name]
        if task.noncommercial:
            found.append(f"{name}: not for commercial use, as far as known (licence: {task.licence})")
        if rows.shortened:
            lost = f"; {rows.lost} of them lack evidence of their answer" if rows.lost else ""
            found.append(f"{name}: {rows.shortened} of {len(rows)} train prompts were shortened to fit{lost}")
        if rows.dropped:
            found.append(f"{name}: {rows.dropped} train rows dropped, their answers are too long")
    return [*found, *tasks.audit.warnings()]
