"""Verdicts in words: where sharing helped, where it hurt, and how sure that is."""

from __future__ import annotations

from typing import Any


def sharing(evaluation: dict[str, Any]) -> list[str]:
    """One sentence for each kind of verdict that occurs, with points and interval for those that are clear."""
    found: dict[str, list[str]] = {}
    for name, task in evaluation["tasks"].items():
        for system in ("shared", "groups"):
            verdict = task["systems"].get(system, {}).get("verdict")
            if verdict:
                found.setdefault(verdict, []).append(
                    _phrase(name, task["paired"][f"{system} - single_task"], verdict)
                )
    titles = {
        "helped": "Sharing helped",
        "hurt": "Sharing hurt",
        "not_distinguishable": "No difference that these test rows can show",
        "not_enough_data": "Not enough data to tell",
    }
    return [f"{title}: {', '.join(found[verdict])}." for verdict, title in titles.items() if verdict in found]


def routing(evaluation: dict[str, Any]) -> str:
    """How the router did, in one sentence."""
    router = evaluation["router"]
    kinds = ", ".join(f"{100 * kind['accuracy']:.0f}% {name}" for name, kind in router["kinds"].items())
    cost = 100 * router["regret"]
    return f"The router picks the right adapter for {kinds} prompts, and costs {cost:.1f} points on average."


def _phrase(task: str, difference: dict[str, Any], verdict: str) -> str:
    if verdict in ("helped", "hurt"):
        low, high = 100 * difference["low"], 100 * difference["high"]
        return f"{task} {100 * difference['value']:+.1f} points [{low:+.0f}, {high:+.0f}]"
    return task
