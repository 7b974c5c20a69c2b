"""Training the router on stored features, and calibrating it on validation prompts."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from mixologist import seeds
from mixologist.model.router import Router, RouterNet, RouterSettings
from mixologist.recipe import schema
from mixologist.tasks.wordings import KINDS
from mixologist.training import base_score
from mixologist.training.distances import nearest_prompts, nearest_task
from mixologist.training.router_features import BASE, Features

REWORDED = KINDS.index("reworded")


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
    train, held = features.part(~features.validation), features.part(features.validation)
    net = _build(train, options.hidden_size, len(tasks), seed)
    _optimise(net, train, held, options, seed)
    calibration, halves = base_score.fitted(net, held)
    settings = RouterSettings(
        tasks=tasks,
        served_by=served_by,
        depth=depth,
        features=features.x.shape[1],
        hidden_size=options.hidden_size,
        components=(net.nearest_task.projection.shape[1], net.nearest_prompts.projection.shape[1]),
        prompts=len(net.nearest_prompts.prompts),
        temperature=_temperature(net, held),
        calibration=calibration,
        halves=halves,
        threshold=base_score.threshold(options.abstain),
        base_digest=base_digest,
    )
    return Router(settings, net)


def _build(train: Features, hidden: int, tasks: int, seed: int) -> RouterNet:
    """A net with its standardisation and its distances in place."""
    x, inside = train.x.float(), train.target >= 0
    mean, std = x.mean(0), x.std(0).clamp(min=1e-4)
    points = (x[inside] - mean) / std
    near = nearest_task(points, train.target[inside], tasks)
    like = nearest_prompts(points[train.wording[inside] != REWORDED], seed)
    components = (near.projection.shape[1], like.projection.shape[1])
    net = RouterNet(x.shape[1], hidden, tasks, components, len(like.prompts), len(KINDS))
    net.nearest_task, net.nearest_prompts = near, like
    net.mean.copy_(mean)
    net.std.copy_(std)
    for layer in _layers(net):
        random = seeds.generator(seed, "router", *layer.weight.shape)
        bound = layer.weight.shape[1] ** -0.5
        layer.weight.data.copy_(torch.from_numpy(random.uniform(-bound, bound, layer.weight.shape)))
        layer.bias.data.zero_()
    return net


def _layers(net: RouterNet) -> tuple[nn.Linear, ...]:
    return net.first, net.task_head, net.base_head, net.wording_head


def _optimise(net: RouterNet, train: Features, held: Features, options: schema.Router, seed: int) -> None:
    parameters = [p for layer in _layers(net) for p in layer.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=options.learning_rate, weight_decay=0.01)
    size = len(train.target)
    steps = options.num_train_epochs * max(1, -(-size // 256))
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    best, kept = float("inf"), {k: v.clone() for k, v in net.state_dict().items()}
    for epoch in range(options.num_train_epochs):
        order = torch.from_numpy(seeds.generator(seed, "router", "epoch", epoch).permutation(size))
        for rows in order.split(256):
            batch = train.part(rows)
            optimizer.zero_grad()
            (_loss(net, batch, train.target) + _wording_loss(net, batch)).backward()
            optimizer.step()
            schedule.step()
        with torch.no_grad():
            loss = float(_loss(net, held, held.target))
        if loss < best:
            best, kept = loss, {k: v.clone() for k, v in net.state_dict().items()}
    net.load_state_dict(kept)


def _loss(net: RouterNet, data: Features, population: Tensor) -> Tensor:
    """Task cross-entropy on the tasks' prompts plus base cross-entropy on all; classes weigh alike."""
    logits, head = net(data.x.float())
    inside = data.target >= 0
    counts = torch.bincount(population[population >= 0], minlength=logits.shape[1]).clamp(min=1)
    weight = counts.sum() / (len(counts) * counts.float())
    loss = logits.sum() * 0
    if inside.any():
        loss = loss + functional.cross_entropy(logits[inside], data.target[inside], weight=weight)
    outside = int((population < 0).sum())
    if outside:
        positive = torch.tensor((len(population) - outside) / outside)
        loss = loss + functional.binary_cross_entropy_with_logits(
            head, (~inside).float(), pos_weight=positive
        )
    return torch.as_tensor(loss)


def _wording_loss(net: RouterNet, data: Features) -> Tensor:
    """Cross-entropy of the wordings; general prompts have none, as they come without an instruction."""
    worded = data.target != BASE
    if not worded.any():
        return torch.zeros(())
    return functional.cross_entropy(net.wordings(data.x[worded].float()), data.wording[worded])


@torch.no_grad()
def _temperature(net: RouterNet, held: Features) -> float:
    """The temperature with the lowest validation loss (Guo et al. 2017, arXiv 1706.04599), from a grid."""
    own = held.part(held.target >= 0)
    logits = net(own.x.float())[0]
    grid = np.geomspace(0.25, 8.0, 41)
    return float(min(grid, key=lambda t: float(functional.cross_entropy(logits / t, own.target))))
