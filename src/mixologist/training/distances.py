"""What the router's two distances learn from the tasks' own training prompts; nothing foreign is needed."""

from __future__ import annotations

import torch
from sklearn.covariance import LedoitWolf
from torch import Tensor

from mixologist import seeds
from mixologist.model.distances import NearestPrompts, NearestTask

TASK_COMPONENTS = 32
"""More only adds noise to a task's covariance at some hundred prompts each."""
PROMPT_COMPONENTS, PROMPTS_EACH = 192, 10
"""Most components, and the prompts that there must be for each of them."""
PROMPTS = 20_000
"""Most prompts that are kept: 8 MB."""


def nearest_task(x: Tensor, target: Tensor, tasks: int) -> NearestTask:
    """From standardised features (n, F) of the tasks' prompts and their task numbers (n,)."""
    distance = NearestTask(x.shape[1], tasks, min(TASK_COMPONENTS, x.shape[1], len(x) - 1))
    _, _, directions = torch.linalg.svd(x - x.mean(0), full_matrices=False)
    distance.projection.copy_(directions[: distance.projection.shape[1]].T)
    points = x @ distance.projection
    distance.centres.copy_(torch.stack([points[target == task].mean(0) for task in range(tasks)]))
    within = LedoitWolf().fit((points - distance.centres[target]).double().numpy()).precision_
    distance.whitening.copy_(torch.linalg.cholesky(torch.from_numpy(within)))
    return distance


def nearest_prompts(x: Tensor, seed: int) -> NearestPrompts:
    """From standardised features (n, F) of the tasks' prompts; the kept ones are drawn by seed."""
    components = max(1, min(PROMPT_COMPONENTS, x.shape[1] // 2, len(x) // PROMPTS_EACH))
    distance = NearestPrompts(x.shape[1], components, min(PROMPTS, len(x)))
    mean_half = x[:, : len(distance.projection)].double()
    variances, directions = torch.linalg.eigh(torch.cov(mean_half.T))  # ascending
    leading = variances[-components:].clamp(min=1e-8 * float(variances[-1]) + 1e-12)
    distance.projection.copy_(directions[:, -components:] / leading.sqrt())
    distance.centre.copy_(mean_half.mean(0).float() @ distance.projection)
    order = seeds.generator(seed, "router", "prompts").permutation(len(x))[: len(distance.prompts)]
    distance.prompts.copy_(distance.points(x[torch.from_numpy(order)]))
    return distance
