"""The router: from the frozen base's hidden states to a task, the adapter that serves it, and a separate base score.

    x = standardised [mean of h_d over the last user turn, h_d at the last prompt token]      (n, 2 d)
    z = gelu(W1 x);  task probabilities = softmax(W2 z / temperature);  p(adapter) = sum over its tasks
    p_any = 1 - (1 - p_like) (1 - p_far) (1 - p_odd),  each p = sigmoid(slope * signal + shift)
    base score = sigmoid(logit(p_any) - sum over wordings of p(wording) * half),  p(wording) = softmax(W3 x)

``p_like``, from head(z): it is like the general prompts seen in training. ``p_far``, from the log distance to the
nearest task: it is about something else. ``p_odd``, from the log distance to the nearest prompts: none of the tasks'
resembles it (`model.distances`). A text that fits two adapters equally is near both: it goes to the better one, not to
the base. A text with an instruction as trained is told from a strange one more surely than the bare text is: so each
wording has its own ``half``, the logit that counts as one half. All but the weights is fitted on validation data
(`training.base_score`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from mixologist.errors import UserError
from mixologist.files import read_json, write_json, write_whole
from mixologist.model.distances import NearestPrompts, NearestTask

SETTINGS, WEIGHTS, FEATURES = "router.json", "router.safetensors", "features.safetensors"
VERSION = 3


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
    components: tuple[int, int]
    """Of the distance to the nearest task, of that to the nearest prompts."""
    prompts: int
    """Training prompts that are kept to take distances to."""
    temperature: float
    calibration: tuple[tuple[float, float], ...]
    """(slope, shift) of head, log distance to the nearest task, log distance to the nearest prompts."""
    halves: tuple[float, ...]
    """Logit of p_any that counts as one half, for each wording."""
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

    def __init__(
        self,
        features: int,
        hidden: int,
        tasks: int,
        components: tuple[int, int],
        prompts: int,
        wordings: int,
    ) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("std", torch.ones(features))
        self.first = nn.Linear(features, hidden)
        self.task_head = nn.Linear(hidden, tasks)
        self.base_head = nn.Linear(hidden, 1)
        self.wording_head = nn.Linear(features, wordings)
        self.nearest_task = NearestTask(features, tasks, components[0])
        self.nearest_prompts = NearestPrompts(features, components[1], prompts)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(n, 2 d) -> task logits (n, K), base logit (n,)."""
        z = nn.functional.gelu(self.first(self.standardise(x)))
        return self.task_head(z), self.base_head(z)[:, 0]

    def wordings(self, x: Tensor) -> Tensor:
        """(n, 2 d) -> logits of the wordings (n, W)."""
        logits: Tensor = self.wording_head(self.standardise(x))
        return logits

    def standardise(self, x: Tensor) -> Tensor:
        """Zero mean, unit variance over the router's training prompts."""
        return (x - self.mean) / self.std

    def signals(self, x: Tensor) -> Tensor:
        """(n, 2 d) -> what the base score is made of (n, 3), each higher for what no adapter should answer."""
        standard = self.standardise(x)
        return torch.stack([self(x)[1], self.nearest_task(standard), self.nearest_prompts(standard)], dim=1)


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
        tasks = (self.net(x)[0] / self.settings.temperature).softmax(-1)
        halves = torch.tensor(self.settings.halves, dtype=torch.float64)
        half = self.net.wordings(x).softmax(-1).double() @ halves
        return tasks, torch.sigmoid(any_logit(self.net.signals(x), self.settings.calibration) - half).float()

    def routes(self, x: Tensor) -> list[Route]:
        """One route for each row of features (n, 2 d)."""
        tasks, base = self.scores(x)
        return [self._route(p, score) for p, score in zip(tasks.tolist(), base.tolist(), strict=True)]

    def _route(self, probabilities: list[float], base_score: float) -> Route:
        whole = sum(probabilities)  # one, but for float32's rounding
        tasks = {task: p / whole for task, p in zip(self.settings.tasks, probabilities, strict=True)}
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
                    do="finish the run: mixologist train RUN --resume; a complete one: restore the file",
                )
        settings = _settings(folder, read_json(folder / SETTINGS))
        net = RouterNet(
            settings.features,
            settings.hidden_size,
            len(settings.tasks),
            settings.components,
            settings.prompts,
            len(settings.halves),
        )
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


def any_logit(signals: Tensor, calibration: Sequence[tuple[float, float]]) -> Tensor:
    """Signals (n, 3) -> logit of p_any (n,), float64: 1 - p_any may be far below what float32 can tell from one."""
    slope, shift = torch.tensor(calibration, dtype=torch.float64).T
    none = nn.functional.logsigmoid(-slope * signals.double() - shift).sum(1).clamp(max=-1e-15)
    return torch.log(-torch.expm1(none)) - none


def _settings(folder: Path, raw: dict[str, Any]) -> RouterSettings:
    if raw.get("version") != VERSION:
        raise UserError(
            "the router is of another version",
            given=f"{folder / SETTINGS}: {raw.get('version')}",
            expected=str(VERSION),
            do="train the run again with this mixologist",
        )
    try:
        pairs = tuple((float(slope), float(shift)) for slope, shift in raw["calibration"])
        known = {"tasks": tuple(raw["tasks"]), "components": tuple(raw["components"])}
        halves = tuple(float(half) for half in raw["halves"])
        return RouterSettings(**raw | known | {"calibration": pairs, "halves": halves})
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"{folder / SETTINGS} is damaged",
            given=str(error),
            expected="the keys that mixologist wrote",
            do="restore the file from a copy",
        ) from error


def auto_depth(blocks: int, trunk: int) -> int:
    """A quarter of the depth, at least one block, or the trunk where that is deeper."""
    return max(1, round(blocks / 4), trunk)
