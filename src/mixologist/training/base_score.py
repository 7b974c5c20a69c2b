"""Fitting the base score on validation prompts: what each signal counts for, and where one half lies in each wording.

n = prompts, W = wordings
"""

from __future__ import annotations

import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from mixologist.model.router import RouterNet, any_logit
from mixologist.training.router_features import OUT_OF_SCOPE, Features

KEPT = 0.99
"""Share of the tasks' validation prompts that score below one half."""
HALF, NEVER = 0.5, 2.0
"""The threshold, and one that no score reaches."""
OFF, HIGHEST = -20.0, 14.0
"""Logits: one that never counts, and of a score of one in a million."""
ROUNDS = 50
EDGE = 1e-6
"""How far one half stays below the marked prompt that it is to catch."""

Calibration = tuple[tuple[float, float], ...]


@torch.no_grad()
def fitted(net: RouterNet, held: Features) -> tuple[Calibration, tuple[float, ...]]:
    """(slope, shift) of each signal; the logit of p_any that counts as one half in each wording."""
    x = held.x.float()
    signals, wordings = net.signals(x), net.wordings(x).softmax(-1).double()
    calibration = _calibration(signals, held.target)
    return calibration, tuple(_halves(any_logit(signals, calibration), wordings, held).tolist())


def threshold(abstain: str | float) -> float:
    """Base score above which the base answers."""
    return NEVER if abstain == "never" else HALF if isinstance(abstain, str) else abstain


def _calibration(signals: Tensor, target: Tensor) -> Calibration:
    """Of the head by logistic regression on validation prompts, off where none is the base's. A distance counts one

    half at the quantile KEPT of the tasks' own prompts: it needs no foreign example.
    """
    outside = (target < 0).numpy()
    head = (0.0, OFF)
    if outside.any():
        model = LogisticRegression(class_weight="balanced").fit(signals[:, :1].double().numpy(), outside)
        head = max(0.0, float(model.coef_[0, 0])), float(model.intercept_[0])
    own = signals[target >= 0, 1:]
    slopes = (4 / own.std(0).clamp(min=1e-3)).tolist()
    at = torch.quantile(own, KEPT, dim=0).tolist()
    return head, *((slope, -slope * half) for slope, half in zip(slopes, at, strict=True))


def _halves(logits: Tensor, wordings: Tensor, held: Features) -> Tensor:
    """(W,): in each wording KEPT of the tasks' own prompts lie below one half, which is not below zero, where no signal

    has spoken. Where rows out of scope are marked it goes lower, to where the fewest prompts, own and marked, are sent
    the wrong way. A prompt is not surely of one wording, and they hang together: each is set, the others as they are.
    """
    halves = torch.zeros(wordings.shape[1]).double()
    for _ in range(ROUNDS):
        for number in range(len(halves)):
            above, rows = logits - wordings @ halves, held.wording == number
            own, marked = above[rows & (held.target >= 0)], above[rows & (held.target == OUT_OF_SCOPE)]
            if len(own):
                halves[number] = _half(own + halves[number], marked + halves[number])
    return halves


def _half(own: Tensor, marked: Tensor) -> float:
    most = max(0.0, float(own.quantile(KEPT)))
    places = (
        torch.cat([torch.tensor([most], dtype=own.dtype), (marked - EDGE)[marked <= most]])
        .sort(descending=True)
        .values
    )
    wrong = (own > places[:, None]).sum(1) + (marked <= places[:, None]).sum(1)
    return min(float(places[wrong.argmin()]), HIGHEST)
