"""The router: from the frozen base's hidden states to a task, the adapter that serves it, and a separate base score.

    x = [mean of h_d over the last user turn, h_d at the last prompt token]      (n, 2 d)
    z = gelu(W1 standardise(x));  task probabilities = softmax(W2 z / temperature);  p(adapter) = sum over its tasks
    base score = 1 - (1 - p_like) (1 - p_far),  p_like = sigmoid(a1 head(z) + a0),  p_far = sigmoid(b1 log m(x) + b0)

``p_like``: it is like the general prompts seen in training. ``p_far``: it is far from every task; m is the Mahalanobis
distance to the nearest one (Lee et al. 2018, arXiv 1807.03888, here on the leading principal components of x). A text
that fits two adapters equally is near both, so its distance is small: it goes to the better one, not to the base.
a, b and the temperature are fitted on validation data (`training.routing`).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from mixologist.errors import UserError
from mixologist.files import read_json, write_json, write_whole

SETTINGS, WEIGHTS, FEATURES = "router.json", "router.safetensors", "features.safetensors"
VERSION = 1


@dataclass(frozen=True)
class RouterSettings:
    """All of a router but its tensors."""

    tasks: tuple[str, ...]
    served_by: dict[str, str]
    """Task -> adapter."""
    depth: int
    features: int
    """2 d."""
    hidden_size: int
    components: int
    temperature: float
    calibration: tuple[float, float, float, float]
    """a1, a0 (head), b1, b0 (log distance)."""
    threshold: float
    """Base score above which the base answers; above 1 where it never does."""
    base_digest: str
    version: int = VERSION


@dataclass(frozen=True)
class Route:
    """Where one text goes."""

    adapter: str
    """Name, or ``base``."""
    probabilities: dict[str, float]
    """Over adapters, summing to 1 whatever the base score."""
    base_score: float
    abstained: bool
    """True where the base score alone decided."""
    tasks: dict[str, float]


class RouterNet(nn.Module):
    """The tensors of the router."""

    mean: Tensor
    std: Tensor
    projection: Tensor
    centres: Tensor
    whitening: Tensor

    def __init__(self, features: int, hidden: int, tasks: int, components: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("std", torch.ones(features))
        self.first = nn.Linear(features, hidden)
        self.task_head = nn.Linear(hidden, tasks)
        self.base_head = nn.Linear(hidden, 1)
        self.register_buffer("projection", torch.zeros(features, components))
        self.register_buffer("centres", torch.zeros(tasks, components))
        self.register_buffer("whitening", torch.zeros(components, components))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(n, 2 d) -> task logits (n, K), base logit (n,)."""
        z = nn.functional.gelu(self.first(self.standardise(x)))
        return self.task_head(z), self.base_head(z)[:, 0]

    def standardise(self, x: Tensor) -> Tensor:
        """Zero mean, unit variance over the router's training prompts."""
        return (x - self.mean) / self.std

    def log_distance(self, x: Tensor) -> Tensor:
        """Log Mahalanobis distance (n,) to the nearest task."""
        points = self.standardise(x) @ self.projection @ self.whitening
        return torch.cdist(points, self.centres @ self.whitening).amin(1).clamp(min=1e-6).log()


class Router:
    """A trained router."""

    def __init__(self, settings: RouterSettings, net: RouterNet) -> None:
        self.settings = settings
        self.net = net.eval()

    def serve(self, served_by: dict[str, str]) -> Router:
        """The same router leading to other adapters."""
        return Router(replace(self.settings, served_by=served_by), self.net)

    @torch.no_grad()
    def scores(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Task probabilities (n, K) and base scores (n,) for features (n, 2 d)."""
        logits, head = self.net(x)
        return (logits / self.settings.temperature).softmax(-1), self.base_scores(
            head, self.net.log_distance(x)
        )

    def base_scores(self, head: Tensor, log_distance: Tensor) -> Tensor:
        """Calibrated scores in [0, 1] from the two raw ones, all (n,)."""
        a1, a0, b1, b0 = self.settings.calibration
        return 1 - torch.sigmoid(-a1 * head - a0) * torch.sigmoid(-b1 * log_distance - b0)

    def routes(self, x: Tensor) -> list[Route]:
        """One route for each row of features (n, 2 d)."""
        tasks, base = self.scores(x)
        return [self._route(p, score) for p, score in zip(tasks.tolist(), base.tolist(), strict=True)]

    def _route(self, probabilities: list[float], base_score: float) -> Route:
        tasks = dict(zip(self.settings.tasks, probabilities, strict=True))
        adapters: dict[str, float] = {}
        for task, p in tasks.items():
            name = self.settings.served_by[task]
            adapters[name] = adapters.get(name, 0.0) + p
        abstained = base_score > self.settings.threshold
        best = "base" if abstained else max(adapters, key=adapters.__getitem__)
        return Route(best, adapters, base_score, abstained, tasks)

    def save(self, folder: Path) -> None:
        """Write router.json and router.safetensors, the settings last: they make the router valid."""
        tensors = {name: tensor.contiguous() for name, tensor in self.net.state_dict().items()}
        write_whole(folder / WEIGHTS, lambda path: save_file(tensors, path))
        write_json(folder / SETTINGS, asdict(self.settings))

    @staticmethod
    def load(folder: Path) -> Router:
        """Read a router. Raises `UserError` for a missing or damaged one."""
        for part in (SETTINGS, WEIGHTS):
            if not (folder / part).is_file():
                raise UserError(
                    "the run has no router",
                    given=f"{folder} lacks {part}",
                    expected=f"{SETTINGS}, {WEIGHTS}",
                    do="finish the run: mixologist train RECIPE --resume",
                )
        settings = _settings(folder, read_json(folder / SETTINGS))
        net = RouterNet(settings.features, settings.hidden_size, len(settings.tasks), settings.components)
        try:
            net.load_state_dict(load_file(folder / WEIGHTS))
        except (SafetensorError, RuntimeError, OSError) as error:
            raise UserError(
                "the router file is damaged",
                given=f"{folder / WEIGHTS}: {str(error)[:200]}",
                expected="whole safetensors that fit router.json",
                do="restore the file from a copy",
            ) from error
        return Router(settings, net)


def _settings(folder: Path, raw: dict[str, Any]) -> RouterSettings:
    if raw.get("version") != VERSION:
        raise UserError(
            "the router is of another version",
            given=f"{folder / SETTINGS}: {raw.get('version')}",
            expected=str(VERSION),
            do="train the run again with this mixologist",
        )
    try:
        return RouterSettings(
            **{**raw, "tasks": tuple(raw["tasks"]), "calibration": tuple(raw["calibration"])}
        )
    except (KeyError, TypeError) as error:
        raise UserError(
            f"{folder / SETTINGS} is damaged",
            given=str(error),
            expected="the keys that mixologist wrote",
            do="restore the file from a copy",
        ) from error


def auto_depth(blocks: int, trunk: int) -> int:
    """A quarter of the depth, at least one block, or the trunk where that is deeper."""
    return max(1, round(blocks / 4), trunk)
