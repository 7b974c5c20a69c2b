from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from mixologist.errors import UserError
from mixologist.model.router import Router
from mixologist.recipe import schema
from mixologist.training.router_features import BASE, OUT_OF_SCOPE, Features
from mixologist.training.routing import fit_router

TASKS = ("a", "b", "c")
SERVED = {"a": "a", "b": "both", "c": "both"}


def features(*, general: bool = True, seed: int = 0, apart: float = 2.0) -> Features:
    """Three clouds for three tasks, and a fourth for general prompts, their centres so far apart."""
    random = torch.Generator().manual_seed(seed)
    centres = apart * torch.randn(4, 24, generator=torch.Generator().manual_seed(9))
    target = torch.randint(BASE if general else 0, 3, (900,), generator=random)
    x = centres[target] + torch.randn(900, 24, generator=random)
    return worded(x, target, random)


def worded(x: Tensor, target: Tensor, random: torch.Generator, apart: float = 3.0) -> Features:
    """Features in three wordings, each of which shifts the last two of them its own way."""
    wording = torch.randint(0, 3, (len(x),), generator=random)
    x[:, -2:] += apart * torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, -1.0]])[wording]
    return Features(x.half(), target, wording, torch.rand(len(x), generator=random) < 0.25)


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
        return worded(x, kind * 3 // 60, random)

    router = fit(texts(0, 50, seed=0))
    known, unknown = (router.routes(texts(*span, seed=1).x.float()) for span in ((0, 50), (50, 60)))
    assert sum(route.abstained for route in known) / len(known) < 0.05
    assert sum(route.abstained for route in unknown) / len(unknown) > 0.5


def between(n: int, seed: int, validation: float, mixed: float) -> Features:
    """Prompts of the tasks, and as many out of scope that lie near them, ``mixed`` of the way to the tasks' prompts."""
    random = torch.Generator().manual_seed(seed)
    own = features(general=False, seed=seed)
    away = 4 * torch.randn(1, 24, generator=torch.Generator().manual_seed(7))
    x = mixed * own.x.float()[:n] + (1 - mixed) * away + torch.randn(n, 24, generator=random)
    out = torch.full((n,), OUT_OF_SCOPE)
    marked = Features(x.half(), out, own.wording[:n], torch.rand(n, generator=random) < validation)
    return Features.joined([own, marked])


@pytest.mark.parametrize(("mixed", "marking_matters"), [(0.9, True), (0.0, False)])
def test_marked_rows_lower_one_half_only_as_far_as_they_need_it(mixed: float, marking_matters: bool) -> None:
    data, test = between(300, 0, 0.25, mixed), between(300, 5, 0.25, mixed)
    marked, unmarked = fit(data), fit(replace(data, target=data.target.clamp(min=BASE)))
    (lost, sent), (lost_before, sent_before) = (_to_base(router, test) for router in (marked, unmarked))
    assert lost_before < 0.03
    if marking_matters:
        assert sent > sent_before + 0.1
        assert lost < 0.15
    else:
        assert lost < 0.03
        assert sent == 1


def _to_base(router: Router, data: Features) -> tuple[float, float]:
    """Share of own prompts and of those out of scope that go to the base."""
    away = torch.tensor([route.abstained for route in router.routes(data.x.float())]).float()
    return float(away[data.target >= 0].mean()), float(away[data.target < 0].mean())


def test_each_wording_keeps_its_share_of_validation_prompts() -> None:
    data = features()
    data.x[data.wording == 2] += 0.8 * torch.randn(
        int((data.wording == 2).sum()), 24, generator=torch.Generator().manual_seed(4)
    )  # one wording says less
    held = data.part(data.validation & (data.target >= 0))
    scores = fit(data).scores(held.x.float())[1]
    for wording in range(3):
        assert (scores[held.wording == wording] > 0.5).float().mean() <= 0.025


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
        torch.equal(getattr(data, name), getattr(again, name))
        for name in ("x", "target", "wording", "validation")
    )
