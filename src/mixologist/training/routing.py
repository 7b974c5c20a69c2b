"""Training the router on stored features, and calibrating it on validation prompts.

n = prompts, F = 2 d features, K = tasks
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from sklearn.linear_model import LogisticRegression
from torch import Tensor
from torch.nn import functional

from mixologist import seeds
from mixologist.files import write_whole
from mixologist.model.router import FEATURES, Router, RouterNet, RouterSettings
from mixologist.recipe import schema
from mixologist.training.distances import nearest_prompts, nearest_task

BASE = -1
"""Target of a prompt that no task owns."""
KEPT = 0.99
"""Share of validation prompts of the tasks that must not be sent to the base."""
BEYOND = (0.0, 0.375)
"""Standard deviations beyond KEPT where the distances to the nearest task and prompts count one half: a wording that
nobody trained on is further from every prompt than validation prompts are, whose wordings were seen."""
OFF = -20.0
"""A logit that is never reached."""
NEVER = 2.0
"""A threshold that no score reaches."""


@dataclass(frozen=True)
class Features:
    """What the router learns from: float16 from the first use, so that a later `add` sees the same numbers."""

    x: Tensor  # (n, F) float16
    target: Tensor  # (n,) int64: task number, or BASE
    validation: Tensor  # (n,) bool

    def save(self, folder: Path) -> None:
        """Write features.safetensors."""
        tensors = {"x": self.x, "target": self.target, "validation": self.validation}
        write_whole(folder / FEATURES, lambda path: save_file(tensors, path))

    @staticmethod
    def load(folder: Path) -> Features:
        """Read features.safetensors."""
        tensors = load_file(folder / FEATURES)
        return Features(tensors["x"], tensors["target"], tensors["validation"])

    @staticmethod
    def stored(folder: Path) -> bool:
        """Whether features are kept beside the router (they are not after ``--no-features``)."""
        return (folder / FEATURES).is_file()

    @staticmethod
    def joined(parts: Sequence[Features]) -> Features:
        """All of them together."""
        return Features(
            *(torch.cat([getattr(p, name) for p in parts]) for name in ("x", "target", "validation"))
        )


def fit_router(
    features: Features,
    tasks: tuple[str, ...],
    served_by: dict[str, str],
    options: schema.Router,
    *,
    depth: int,
    base_digest: str,
    seed: int,
) -> Router:
    """Train on the train prompts, keep the epoch with the lowest validation loss, calibrate on validation prompts.

    Costs seconds; deterministic for a seed. The features need rows of every task, in train and in validation.
    """
    x, target = features.x.float(), features.target
    train, held = ~features.validation, features.validation
    net = _build(x[train], target[train], options.hidden_size, len(tasks), seed)
    _optimise(net, (x[train], target[train]), (x[held], target[held]), options, seed)
    settings = RouterSettings(
        tasks=tasks,
        served_by=served_by,
        depth=depth,
        features=x.shape[1],
        hidden_size=options.hidden_size,
        components=(net.nearest_task.projection.shape[1], net.nearest_prompts.projection.shape[1]),
        prompts=len(net.nearest_prompts.prompts),
        temperature=_temperature(net, x[held], target[held]),
        calibration=_calibrate(net, x[held], target[held]),
        threshold=NEVER,
        base_digest=base_digest,
    )
    threshold = _threshold(Router(settings, net), x[held & (target >= 0)], options)
    return Router(replace(settings, threshold=threshold), net)


def _build(x: Tensor, target: Tensor, hidden: int, tasks: int, seed: int) -> RouterNet:
    """A net with its standardisation and its distances in place."""
    mean, std = x.mean(0), x.std(0).clamp(min=1e-4)
    inside = target >= 0
    points = (x[inside] - mean) / std
    near, like = nearest_task(points, target[inside], tasks), nearest_prompts(points, seed)
    sizes = (near.projection.shape[1], like.projection.shape[1])
    net = RouterNet(x.shape[1], hidden, tasks, sizes, len(like.prompts))
    net.nearest_task, net.nearest_prompts = near, like
    net.mean.copy_(mean)
    net.std.copy_(std)
    for layer in (net.first, net.task_head, net.base_head):
        random = seeds.generator(seed, "router", *layer.weight.shape)
        bound = layer.weight.shape[1] ** -0.5
        layer.weight.data.copy_(torch.from_numpy(random.uniform(-bound, bound, layer.weight.shape)))
        layer.bias.data.zero_()
    return net


def _optimise(
    net: RouterNet,
    train: tuple[Tensor, Tensor],
    held: tuple[Tensor, Tensor],
    options: schema.Router,
    seed: int,
) -> None:
    parameters = [p for layer in (net.first, net.task_head, net.base_head) for p in layer.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=options.learning_rate, weight_decay=0.01)
    steps = options.num_train_epochs * max(1, -(-len(train[0]) // 256))
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    best, kept = float("inf"), {k: v.clone() for k, v in net.state_dict().items()}
    for epoch in range(options.num_train_epochs):
        order = torch.from_numpy(seeds.generator(seed, "router", "epoch", epoch).permutation(len(train[0])))
        for rows in order.split(256):
            optimizer.zero_grad()
            _loss(net, train[0][rows], train[1][rows], train[1]).backward()
            optimizer.step()
            schedule.step()
        with torch.no_grad():
            loss = float(_loss(net, *held, held[1]))
        if loss < best:
            best, kept = loss, {k: v.clone() for k, v in net.state_dict().items()}
    net.load_state_dict(kept)


def _loss(net: RouterNet, x: Tensor, target: Tensor, population: Tensor) -> Tensor:
    """Task cross-entropy on the tasks' prompts plus base cross-entropy on all; classes weigh alike."""
    logits, head = net(x)
    inside = target >= 0
    counts = torch.bincount(population[population >= 0], minlength=logits.shape[1]).clamp(min=1)
    weight = counts.sum() / (len(counts) * counts.float())
    loss = logits.sum() * 0
    if inside.any():
        loss = loss + functional.cross_entropy(logits[inside], target[inside], weight=weight)
    outside = int((population < 0).sum())
    if outside:
        positive = torch.tensor((len(population) - outside) / outside)
        loss = loss + functional.binary_cross_entropy_with_logits(
            head, (~inside).float(), pos_weight=positive
        )
    return torch.as_tensor(loss)


@torch.no_grad()
def _temperature(net: RouterNet, x: Tensor, target: Tensor) -> float:
    """The temperature with the lowest validation loss (Guo et al. 2017, arXiv 1706.04599), from a grid."""
    inside = target >= 0
    logits = net(x[inside])[0]
    grid = np.geomspace(0.25, 8.0, 41)
    return float(min(grid, key=lambda t: float(functional.cross_entropy(logits / t, target[inside]))))


@torch.no_grad()
def _calibrate(net: RouterNet, x: Tensor, target: Tensor) -> tuple[tuple[float, float], ...]:
    """Slope and shift of each signal: of the head by logistic regression on validation prompts (off where no prompt is

    the base's), of a distance one half at the quantile KEPT of the tasks' own prompts: it needs no foreign example.
    """
    signals, outside = net.signals(x), (target < 0).numpy()
    head = (0.0, OFF)
    if outside.any():
        model = LogisticRegression(class_weight="balanced").fit(signals[:, :1].double().numpy(), outside)
        head = max(0.0, float(model.coef_[0, 0])), float(model.intercept_[0])
    own = signals[target >= 0, 1:]
    spread = own.std(0).clamp(min=1e-3)
    halves = torch.quantile(own, KEPT, dim=0) + torch.tensor(BEYOND) * spread
    slopes = (4 / spread).tolist()
    return head, *((slope, -slope * half) for slope, half in zip(slopes, halves.tolist(), strict=True))


def _threshold(router: Router, inside: Tensor, options: schema.Router) -> float:
    if options.abstain == "never":
        return NEVER
    if isinstance(options.abstain, float):
        return options.abstain
    scores = router.scores(inside)[1]
    return min(0.99, max(0.5, float(torch.quantile(scores, KEPT))))
