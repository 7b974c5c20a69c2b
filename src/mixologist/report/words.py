"""What a run came to, in words: its state, where sharing helped and hurt, what the router does, what to mind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mixologist.report.blocks import Mark
from mixologist.report.numbers import difference, listed, percent
from mixologist.report.reading import Run

SHARING = ("shared", "groups")
"""Systems that share parameters between tasks: what a verdict is about."""
VERDICTS = {
    "helped": "helped",
    "hurt": "hurt",
    "not_distinguishable": "not distinguishable",
    "not_enough_data": "not enough data",
}
TITLES = {
    "helped": "Sharing helped {}",
    "hurt": "Sharing hurt {}",
    "not_distinguishable": "No difference that these rows can show on {}",
    "not_enough_data": "Not enough data to tell on {}",
}
STAGES = {"training": "training", "routing": "fitting the router", "choosing": "choosing the served adapters"}
KINDS = {"formatted": "as trained", "reworded": "reworded", "raw": "raw text"}
"""Kinds of prompts that the router is asked with."""


@dataclass(frozen=True)
class Effect:
    """What sharing did to a task: the difference to its own adapter, and the verdict on it."""

    difference: Mapping[str, Any]
    verdict: str

    @property
    def mark(self) -> Mark:
        """The verdict, as a page shows it."""
        return Mark(VERDICTS[self.verdict], tone(self.verdict))


def tone(verdict: str) -> str:
    """The colour's name."""
    return verdict if verdict in ("helped", "hurt") else "unclear"


def effects(evaluation: Mapping[str, Any]) -> dict[str, Effect]:
    """Task -> the effect of sharing, largest gain first; tasks without a verdict are not in it."""
    found = {}
    for task, row in evaluation["tasks"].items():
        for system in SHARING:
            if verdict := row["systems"].get(system, {}).get("verdict"):
                found[task] = Effect(row["paired"][f"{system} - single_task"], verdict)
    return dict(sorted(found.items(), key=lambda item: -item[1].difference["value"]))


def sharing(evaluation: Mapping[str, Any], most: int = 6) -> list[Mark]:
    """One sentence for each kind of verdict that occurs, with points and interval for those that are clear."""
    phrases: dict[str, list[str]] = {}
    found = effects(evaluation)
    for task, effect in found.items():
        phrases.setdefault(effect.verdict, []).append(_phrase(task, effect))
    if "hurt" in phrases:
        phrases["hurt"].reverse()  # the worst first
    told = []
    for verdict, title in TITLES.items():
        if tasks := phrases.get(verdict):
            count = f"{len(tasks)} of {len(found)} tasks"
            told.append(Mark(f"{title.format(count)}: {listed(tasks, most)}.", tone(verdict)))
    return told


def cocktail(evaluation: Mapping[str, Any]) -> str:
    """The mean effect of sharing over the tasks, and the task it did worst by; nothing where there is none."""
    for system in SHARING:
        if (found := evaluation.get("cocktail", {}).get(system)) and found["tasks"] > 1:
            relative = f", {100 * found['relative']:+.1f}% of it" if found["relative"] is not None else ""
            return (
                f"Over {found['tasks']} tasks sharing changed what their own adapters reach by {difference(found)} "
                f"points on average{relative}; worst was {found['worst']}."
            )
    return ""


def gain(evaluation: Mapping[str, Any]) -> str:
    """How the served adapters compare with the plain base; nothing where the base was not asked."""
    found = {
        task: row["paired"]["oracle - base"]
        for task, row in evaluation["tasks"].items()
        if "oracle - base" in row["paired"]
    }
    if not found:
        return ""
    clear = {
        t: d
        for t, d in found.items()
        if d.get("p_holm", d.get("p_value", 1.0)) < 1 - evaluation.get("confidence", 0.95)
    }
    better = [task for task, d in clear.items() if d["value"] > 0]
    worse = [task for task, d in clear.items() if d["value"] < 0]
    mean = 100 * sum(d["value"] for d in found.values()) / len(found)
    of = f"{len(better)} of {len(found)} tasks" if len(found) > 1 else "its task" if better else "no task"
    lost = f"; they lose on {listed(worse)}" if worse else ""
    return (
        f"The adapters beat the plain base on {of} (swap tests, Holm's correction over the tasks), by {mean:+.1f} "
        f"points on average over all{lost}."
    )


def routing(evaluation: Mapping[str, Any]) -> str:
    """How the router did, in one sentence; nothing where there is none."""
    router = evaluation.get("router")
    if not router:
        return ""
    kinds = [f"{_accuracy(kind)} {KINDS.get(name, name)}" for name, kind in router["kinds"].items()]
    limits = [f"{100 * router[key]:.1f}" for key in ("regret_low", "regret_high") if key in router]
    cost = f"{100 * router['regret']:.1f}" + (f" [{', '.join(limits)}]" if limits else "")
    return (
        f"Prompts that reach the right adapter, mean over tasks: {', '.join(kinds)}; against always knowing the task, "
        f"the router costs {cost} points on average."
    )


def caution(evaluation: Mapping[str, Any]) -> str:
    """What to mind where rows other than the test rows were asked; nothing for these."""
    if evaluation["split"] == "test":
        return ""
    why = {
        "validation": "best states, the adapters that serve, the router's thresholds and TF-IDF's settings were chosen "
        "on them",
        "train": "they were trained on",
    }
    return (
        f"These are {evaluation['split']} rows: {why[evaluation['split']]}. Values and verdicts flatter; those of the "
        "test rows do not."
    )


def _accuracy(kind: Mapping[str, Any]) -> str:
    limits = f" [{100 * kind['low']:.1f}, {100 * kind['high']:.1f}]" if "low" in kind else ""
    return f"{percent(kind['accuracy'])}{limits}"


def state(run: Run) -> Mark:
    """Whether the run is complete, and what became of it if not."""
    last = run.history[-1] if run.history else {}
    resumed = sum(event["event"] == "resumed" for event in run.history)
    again = f" It was resumed {_times(resumed)}." if resumed else ""
    status = run.record["status"]
    if status == "complete":
        return Mark(f"Complete.{again}", "good")
    place = f"while {STAGES.get(status, status)}{_progress(run)}"
    go_on = f" Go on with: mixologist train {run.path} --resume"
    if last.get("event") == "failed":
        return Mark(f"Failed {place}: {last['why']}.{again} What was finished is kept.{go_on}", "warn")
    if last.get("event") == "interrupted":
        return Mark(f"Interrupted by its user {place}.{again} Nothing is lost.{go_on}", "warn")
    return Mark(
        f"Not finished: still running, or killed, {place}.{again} If it was killed:{go_on[3:]}", "warn"
    )


def mind(record: Mapping[str, Any]) -> list[str]:
    """What a reader of the numbers must know: test rows that were trained on, licences that restrict the use."""
    leaked = [
        f"{name} ({audit['leaked']:,} rows)"
        for name, audit in record.get("audit", {}).items()
        if audit.get("leaked")
    ]
    diverged = [name for name, facts in record.get("adapters", {}).items() if facts.get("diverged")]
    restricted = [
        f"{name} ({task['licence']})"
        for name, task in record.get("tasks", {}).items()
        if task["noncommercial"]
    ]
    told = (
        [f"Trained on rows of its own validation or test, so the scores flatter it: {listed(leaked)}."]
        if leaked
        else []
    )
    if diverged:
        told.append(
            f"Diverged in training, and stopped there: {listed(diverged)}. A lower training.learning_rate may help."
        )
    if restricted:
        told.append(f"Non-commercial data was trained on: {listed(restricted)}. Check before selling.")
    return told


def _progress(run: Run) -> str:
    if run.record["status"] != "training" or run.last is None:
        return ""
    return f", after step {run.last['step']:,} (epoch {run.last['epoch']:.2f})"


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


def _phrase(task: str, effect: Effect) -> str:
    if effect.verdict in ("helped", "hurt"):
        low, high = 100 * effect.difference["low"], 100 * effect.difference["high"]
        return f"{task} {100 * effect.difference['value']:+.1f} points [{low:+.0f}, {high:+.0f}]"
    return task
