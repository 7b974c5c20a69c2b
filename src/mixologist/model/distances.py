"""How far a prompt is from everything that a run's tasks are about: two distances, for what is far and for what is odd.

n = prompts, F = 2 d features, K = tasks, c = components, p = kept prompts
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

NEAREST = 5
"""Kept prompts that a distance is taken to."""
SMALLEST = 1e-6
PART = 1024
"""Prompts compared at a time: 80 MB at 20,000 kept ones."""


class NearestTask(nn.Module):
    """Mahalanobis distance to the nearest task's centre (Lee et al. 2018, arXiv 1807.03888), here on the leading
    principal components with a shrunk covariance. Tells another subject; blind inside a task of many subjects.
    """

    projection: Tensor
    centres: Tensor
    whitening: Tensor

    def __init__(self, features: int, tasks: int, components: int) -> None:
        super().__init__()
        self.register_buffer("projection", torch.zeros(features, components))
        self.register_buffer("centres", torch.zeros(tasks, components))
        self.register_buffer("whitening", torch.zeros(components, components))

    def forward(self, x: Tensor) -> Tensor:
        """Standardised features (n, F) -> log distance (n,)."""
        points = x @ self.projection @ self.whitening
        return torch.cdist(points, self.centres @ self.whitening).amin(1).clamp(min=SMALLEST).log()


class NearestPrompts(nn.Module):
    """Mean cosine distance to the nearest training prompts of the tasks (Sun et al. 2022, arXiv 2204.06507, take the
    Euclidean one to the k-th), in whitened principal components of the mean over the turn. Tells a question that no
    prompt resembles where a task is of a hundred kinds; says little of what is far from all of them.
    """

    projection: Tensor
    centre: Tensor
    prompts: Tensor

    def __init__(self, features: int, components: int, prompts: int) -> None:
        super().__init__()
        self.register_buffer("projection", torch.zeros(features // 2, components))
        self.register_buffer("centre", torch.zeros(components))
        self.register_buffer("prompts", torch.zeros(prompts, components, dtype=torch.float16))

    def forward(self, x: Tensor) -> Tensor:
        """Standardised features (n, F) -> log distance (n,)."""
        kept = self.prompts.float().T
        nearest = min(NEAREST, kept.shape[1])
        likeness = [(part @ kept).topk(nearest, dim=1).values.mean(1) for part in self.points(x).split(PART)]
        return (1 - torch.cat(likeness)).clamp(min=SMALLEST).log()

    def points(self, x: Tensor) -> Tensor:
        """Where standardised features (n, F) lie: (n, c), of unit length."""
        return nn.functional.normalize(x[:, : len(self.projection)] @ self.projection - self.centre, dim=1)
