from __future__ import annotations

from pathlib import Path

import pytest
import torch

from mixologist.errors import UserError
from mixologist.model.router import Router
from mixologist.recipe import schema
from mixologist.training.routing import BASE, Features, fit_router

TASKS = ("a", "b", "c")
SERVED = {"a": "a", "b": "both", "c": "both"}


def features(*, general: bool = True, seed: int = 0, apart: float = 2.0) -> Features:
    """Three clouds for three tasks, and a fourth for general prompts, their centres so far apart."""
    random = torch.Generator().manual_seed(seed)
    centres = apart * torch.randn(4, 24, generator=torch.Generator().manual_seed(9))
    target = torch.randint(BASE if general else 0, 3, (900,), generator=random)
    x = centres[target] + torch.randn(900, 24, generator=random)
    return Features(x.half(), target, torch.rand(900, generator=random) < 0.25)


def fit(data: Features, **options: object) -> Router:
    settings = schema.Router.model_validate({"num_train_epochs": 8, **options})
    return fit_router(data, TASKS, SERVED, settings, depth=1, base_digest="d", seed=0)


def test_texts_go_to_their_adapter_and_general_ones_to_the_base() -> None:
    router = fit(features())
    test = features(seed=1)
    expected = [("a", "both", "both", "base")[target] for target in test.target.tolist()]
    routes = router.routes(test.x.float())
    hits = [route.adapter == adapter for route, adapter in zip(routes, expected, strict=True)]
    assert sum(hits) / len(hits) > 0.95
    assert all(sum(route.probabilities.values()) == pytest.approx(1, abs=1e-4) for route in routes)
    assert all(
        route.probabilities["both"] == pytest.approx(route.tasks["b"] + route.tasks["c"]) for route in routes
    )
    assert all(route.abstained == (route.adapter == "base") for route in routes)


@pytest.mark.parametrize("general", [True, False])
def test_what_is_far_from_every_task_goes_to_the_base_even_where_nothing_foreign_was_seen(
    general: bool,
) -> None:
    router = fit(features(general=general))
    strange = 6 * torch.randn(200, 24, generator=torch.Generator().manual_seed(3))
    far = [route.abstained for route in router.routes(strange)]
    near = [route.abstained for route in router.routes(features(general=False, seed=2).x.float())]
    assert sum(far) / len(far) > 0.9
    assert sum(near) / len(near) < 0.05


@pytest.mark.parametrize("general", [True, False])
def test_a_text_of_two_tasks_is_not_novel(general: bool) -> None:
    router = fit(features(general=general, apart=0.6))
    data = features(seed=1, apart=0.6)
    one, other = (data.x[data.target == task][:150].float() for task in (0, 1))
    routes = router.routes((one + other) / 2)  # the mean over the tokens of a text about both
    assert sum(route.abstained for route in routes) / len(routes) < 0.05
    assert {route.adapter for route in routes if not route.abstained} == {"a", "both"}


def test_what_no_prompt_resembles_is_odd_though_near_the_middle_of_a_task() -> None:
    kinds = 3 * torch.randn(60, 64, generator=torch.Generator().manual_seed(8))

    def texts(low: int, high: int, seed: int) -> Features:
        random = torch.Generator().manual_seed(seed)
        kind = torch.randint(low, high, (1500,), generator=random)
        x = kinds[kind] + torch.randn(1500, 64, generator=random)
        return Features(x.half(), kind * 3 // 60, torch.rand(1500, generator=random) < 0.25)

    router = fit(texts(0, 50, seed=0))
    known, unknown = (router.routes(texts(*span, seed=1).x.float()) for span in ((0, 50), (50, 60)))
    assert sum(route.abstained for route in known) / len(known) < 0.05
    assert sum(route.abstained for route in unknown) / len(unknown) > 0.5


def test_abstaining_can_be_switched_off_or_fixed() -> None:
    strange = 6 * torch.randn(50, 24, generator=torch.Generator().manual_seed(3))
    assert not any(route.abstained for route in fit(features(), abstain="never").routes(strange))
    assert fit(features(), abstain=0.25).settings.threshold == 0.25


def test_the_same_data_and_seed_give_the_same_router_and_files_give_it_back(tmp_path: Path) -> None:
    first, second = fit(features()), fit(features())
    x = features(seed=1).x.float()
    assert first.routes(x) == second.routes(x)
    first.save(tmp_path)
    assert Router.load(tmp_path).routes(x) == first.routes(x)
    assert Router.load(tmp_path).serve({"a": "s", "b": "s", "c": "s"}).routes(x)[0].probabilities == {
        "s": pytest.approx(1, abs=1e-5)
    }
    (tmp_path / "router.safetensors").write_bytes(b"rubbish")
    with pytest.raises(UserError, match="damaged"):
        Router.load(tmp_path)


def test_features_are_stored_as_they_were_used(tmp_path: Path) -> None:
    data = features()
    data.save(tmp_path)
    again = Features.load(tmp_path)
    assert all(
        torch.equal(getattr(data, name), getattr(again, name)) for name in ("x", "target", "validation")
    )
