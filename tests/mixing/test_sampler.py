from __future__ import annotations

import json
from collections import Counter

import numpy as np
import pytest

from mixologist.mixing.forecast import forecast, state_at
from mixologist.mixing.sampler import Control, Draw, Feeds, Sampler, Update, with_controls
from mixologist.mixing.schedules import probabilities
from mixologist.recipe.schema import Mixture

TASKS = {"a": 50, "b": 120, "c": 7}


def feeds(**changes: object) -> Feeds:
    values: dict[str, object] = {
        "rows": TASKS,
        "adapters": {**{name: (name,) for name in TASKS}, "shared": tuple(TASKS)},
        "general": {"general": (30, 0.1), "math": (20, 0.05)},
        "batch_size": 8,
        "epochs": 3.0,
    }
    return Feeds(**{**values, **changes})  # type: ignore[arg-type]


def run(
    made: Feeds, schedule: str = "proportional", seed: int = 0, first: int = 0, sampler: Sampler | None = None
) -> list[Update]:
    sampler = sampler or Sampler(made, seed)
    updates: list[Update] = []
    for step in range(first, made.steps):
        p = probabilities(
            state_at(step, made, [1.0] * len(made.rows), {}), Mixture.model_validate({"schedule": schedule})
        )
        sampler.draw(step, p)
        while ready := sampler.ready(last=step == made.steps - 1):
            updates += ready
    return updates


def drawn(updates: list[Update], adapter: str) -> list[Draw]:
    return [draw for update in updates if update.adapter == adapter for draw in update.draws]


def test_an_epoch_of_proportional_without_general_data_shows_every_row_exactly_once() -> None:
    made = feeds(general={}, epochs=1.0)
    counts = Counter(drawn(run(made), "shared"))
    assert counts == Counter({(task, row): 1 for task, n in made.rows.items() for row in range(n)})


def test_controls_are_fed_beside_the_mixture_and_change_nothing_in_it() -> None:
    made = feeds()
    total = sum(made.draws(step) for step in range(made.steps))
    controls = {
        "a~long": Control("a", 50, total),
        "a~part": Control("a", 10, 30),
        "a~less": Control("a", 5, 15),
    }
    updates = run(with_controls(made, controls))
    assert [u for u in updates if u.adapter not in controls] == run(made)
    own = {name: [row for task, row in drawn(updates, name) if task == "a"] for name in controls}
    assert {name: len(rows) for name, rows in own.items()} == {"a~long": total, "a~part": 30, "a~less": 15}
    assert set(Counter(own["a~part"]).values()) == {3}, "three passes over ten rows"
    assert set(own["a~less"]) < set(own["a~part"]) < set(own["a~long"]) == set(range(50))
    numbers = {name: sum(update.adapter == name for update in updates) for name in ("shared", "a~long")}
    assert numbers["a~long"] == pytest.approx(numbers["shared"], abs=1)


def test_controls_resume() -> None:
    made = with_controls(feeds(), {"a~part": Control("a", 10, 30)})
    whole, half = run(made), Sampler(made, 0)
    first: list[Update] = []
    for step in range(20):
        half.draw(step, probabilities(state_at(step, made, [1.0] * 3, {}), Mixture()))
        while ready := half.ready():
            first += ready
    resumed = Sampler(made, 0)
    resumed.restore(json.loads(json.dumps(half.state())))
    assert first + run(made, first=20, sampler=resumed) == whole


def test_exclusive_and_shared_adapters_see_the_same_rows_of_a_task() -> None:
    updates = run(feeds())
    for task in TASKS:
        own = [draw for draw in drawn(updates, task) if draw[0] == task]
        shared = [draw for draw in drawn(updates, "shared") if draw[0] == task]
        assert own == shared


def test_every_adapter_carries_the_share_of_general_rows_and_full_batches() -> None:
    made = feeds()
    updates = run(made)
    for adapter in made.adapters:
        mine = [update for update in updates if update.adapter == adapter]
        assert all(len(update.draws) == 8 for update in mine[:-1])
        names = Counter(name for name, _ in drawn(mine, adapter))
        total = sum(names.values())
        assert names["general"] == pytest.approx(0.1 * total, abs=1)
        assert names["math"] == pytest.approx(0.05 * total, abs=1)


def test_steps_count_draws_of_the_tasks_rows_general_rows_included() -> None:
    assert feeds(epochs=1.0).steps == -(-sum(TASKS.values()) // 8)
    assert feeds(epochs=2.0, general={}).steps == -(-2 * sum(TASKS.values()) // 8)
    assert feeds(max_steps=5).steps == 5


def test_draws_stay_within_one_example_of_the_probabilities() -> None:
    made = feeds(general={})
    sampler, p = Sampler(made, 0), np.array([0.2, 0.5, 0.3])
    for step in range(40):
        sampler.draw(step, p)
        taken = np.array([stream.taken for stream in sampler.streams.values()])
        assert np.abs(taken - p * 8 * (step + 1)).max() < 1


def test_a_new_task_reseeds_nobody() -> None:
    before = drawn(run(feeds()), "a")
    more = feeds(rows={"new": 33, **TASKS}, adapters={"new": ("new",), "a": ("a",)})
    after = drawn(run(more), "a")
    own = [draw for draw in before if draw[0] == "a"]
    assert [draw for draw in after if draw[0] == "a"][:40] == own[:40]


def test_a_stopped_adapter_takes_nothing_and_the_others_do_not_notice() -> None:
    made = feeds()
    whole, sampler = run(made), Sampler(made, 0)
    updates: list[Update] = []
    for step in range(made.steps):
        p = probabilities(state_at(step, made, [1.0] * 3, {}), Mixture())
        sampler.draw(step, p, stopped=["b"] if step >= 5 else [])
        while ready := sampler.ready(last=step == made.steps - 1):
            updates += ready
    assert len(drawn(updates, "b")) < len(drawn(whole, "b"))
    for adapter in ("a", "c", "shared"):
        assert drawn(updates, adapter) == drawn(whole, adapter)


@pytest.mark.parametrize("schedule", ["proportional", "round_robin", "anneal"])
def test_the_state_goes_through_json_and_continues_exactly(schedule: str) -> None:
    made = feeds()
    whole, sampler = run(made, schedule), Sampler(made, 0)
    updates: list[Update] = []
    for step in range(17):
        p = probabilities(state_at(step, made, [1.0] * 3, {}), Mixture.model_validate({"schedule": schedule}))
        sampler.draw(step, p)
        while ready := sampler.ready():
            updates += ready
    resumed = Sampler(made, 0)
    resumed.restore(json.loads(json.dumps(sampler.state())))
    assert updates + run(made, schedule, first=17, sampler=resumed) == whole


def test_the_forecast_counts_what_the_sampler_then_does() -> None:
    made = feeds()
    seen = forecast(made, Mixture(), [1.0] * 3)
    updates = run(made)
    for adapter in made.adapters:
        assert seen.updates[adapter] == sum(update.adapter == adapter for update in updates)
    assert sum(seen.shares[0].values()) == pytest.approx(1)
    assert seen.shares[0]["general"] == 0.1
    assert len(seen.shares) == 3


def test_epochs_are_those_that_max_steps_leaves() -> None:
    whole, cut = feeds(epochs=3), feeds(epochs=3, max_steps=1)
    assert (whole.passes, cut.passes) == (3, 1)
    foreseen = forecast(cut, Mixture(), [1.0] * len(cut.rows))
    assert [round(sum(shares.values()), 6) for shares in foreseen.shares] == [1.0]
