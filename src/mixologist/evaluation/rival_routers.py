"""What others route with, taught on the prompts that the router learns from and asked those that it is asked.

A rival reads the last user turn as the base sees it and names an adapter, or the base: general prompts, and those that
a task marks as out of its scope, are examples of the base. Which adapter serves a task it is told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from mixologist import seeds
from mixologist.evaluation.answers import BASE
from mixologist.evaluation.intervals import mean_difference
from mixologist.evaluation.metrics import make
from mixologist.recipe.schema import Recipe
from mixologist.records import Outcome
from mixologist.tasks.encoding import Encoded, Encoder
from mixologist.tasks.task import Task
from mixologist.tasks.wordings import learned_prompts

STRENGTHS = (10.0, 100.0)
"""Values of C tried, the inverse of the L2 penalty's weight; where both are level, the smaller one."""
MOST_TEXTS, MOST_WORDS = 20_000, 50_000
"""What rivals are taught on, drawn at random, and the most frequent words and pairs of these that TF-IDF knows."""
Texts = Sequence[str]


class Rival(Protocol):
    """Learns from texts and the names of what should answer them, then names it for others."""

    def fit(self, train: tuple[Texts, Texts], validation: tuple[Texts, Texts]) -> None:
        """Both (texts, names)."""

    def names(self, texts: Texts) -> Sequence[str]:
        """A name for each text."""


class Tfidf:
    """TF-IDF of words, signs and pairs of these, with multinomial logistic regression; C by validation accuracy.

    Names weigh alike, however many texts they have, as adapters do in our router's training.

    A word is what stands between spaces and signs, so that it does badly on scripts without spaces.
    """

    def fit(self, train: tuple[Texts, Texts], validation: tuple[Texts, Texts]) -> None:
        """Some seconds, whatever the number of rows; memory grows with the number of names."""
        self.words = TfidfVectorizer(
            ngram_range=(1, 2), sublinear_tf=True, token_pattern=r"\w+|[^\w\s]", max_features=MOST_WORDS
        )
        features, held = self.words.fit_transform(train[0]), self.words.transform(validation[0])
        models = [
            LogisticRegression(C=c, max_iter=2000, tol=1e-3, class_weight="balanced").fit(features, train[1])
            for c in STRENGTHS
        ]
        self.model = max(models, key=lambda model: model.score(held, validation[1]))

    def names(self, texts: Texts) -> Sequence[str]:
        """The likeliest."""
        return [str(name) for name in self.model.predict(self.words.transform(texts))]


class RivalRouters:
    """Rivals taught on a run's prompts."""

    def __init__(
        self,
        rivals: Mapping[str, Rival],
        tasks: Mapping[str, Task],
        general: Mapping[str, Task],
        served_by: Mapping[str, str],
        encoder: Encoder,
        recipe: Recipe,
    ) -> None:
        self.rivals, self.served_by, self.encoder, self.recipe = rivals, served_by, encoder, recipe
        self.named: dict[str, dict[str, dict[str, Texts]]] = {}
        """Rival -> kind -> task -> what it named."""
        named = [(task, served_by[name]) for name, task in tasks.items()]
        named += [(task, BASE) for task in general.values()]
        if recipe.router.out_of_scope:
            named += [(task.out_of_scope, BASE) for task in tasks.values() if task.out_of_scope]
        taught = {split: self._examples(named, split) for split in ("train", "validation")}
        for rival in rivals.values():
            rival.fit(taught["train"], taught["validation"])

    def _examples(self, named: Sequence[tuple[Task, str]], split: str) -> tuple[Texts, Texts]:
        texts: list[str] = []
        names: list[str] = []
        for task, name in named:
            for prompts in learned_prompts(task, split, self.encoder, self.recipe):
                texts += self._texts(prompts)
                names += [name] * len(prompts)
        picks = seeds.pick(len(texts), MOST_TEXTS, self.recipe.seed, "rival routers", split)
        return [texts[i] for i in picks], [names[i] for i in picks]

    def _texts(self, prompts: Sequence[Encoded]) -> list[str]:
        turns = [prompt.prompt[slice(*prompt.turn)] for prompt in prompts]
        return list(self.encoder.tokenizer.batch_decode(turns, skip_special_tokens=True))

    def ask(self, kind: str, task: str, prompts: Sequence[Encoded]) -> None:
        """Let every rival name an adapter for each prompt of a kind; general ones have the kind ``BASE``."""
        texts = self._texts(prompts)
        for name, rival in self.rivals.items():
            self.named.setdefault(name, {}).setdefault(kind, {})[task] = rival.names(texts)

    def report(
        self, ours: Mapping[str, Mapping[str, Texts]], clusters: Mapping[str, Texts]
    ) -> dict[str, Any]:
        """Rival -> kind of prompt -> its accuracy (mean over tasks), and ours minus it, paired; and its general texts.

        Args:
            ours: kind -> task -> the adapter that our router named for each prompt asked.
            clusters: task -> what each row is drawn with (`resampling.cluster_of`).
        """
        return {
            rival: {
                "kinds": {kind: self._against(found[kind], ours[kind], clusters) for kind in ours},
                "general": self._general([name for names in found.get(BASE, {}).values() for name in names]),
            }
            for rival, found in self.named.items()
        }

    def _general(self, names: Texts) -> dict[str, Any] | None:
        return {"to_base": _share(names, BASE), "n": len(names)} if names else None

    def _against(
        self, theirs: Mapping[str, Texts], ours: Mapping[str, Texts], clusters: Mapping[str, Texts]
    ) -> dict[str, Any]:
        options, metric, pairs, accuracies = self.recipe.evaluation, make("accuracy"), {}, []
        for task, found in theirs.items():
            served = self.served_by[task]
            both = [outcomes(clusters[task], names, served) for names in (ours[task], found)]
            pairs[task] = (metric, both[:1], both[1:])
            accuracies.append(_share(found, served))
        value, low, high = mean_difference(
            pairs, samples=options.bootstrap_samples, confidence=options.confidence, seed=self.recipe.seed
        )
        return {
            "accuracy": sum(accuracies) / len(accuracies), "n": sum(map(len, theirs.values())),
            "ours_minus": {"value": value, "low": low, "high": high},
        }  # fmt: skip


def outcomes(clusters: Texts, names: Texts, served: str) -> list[Outcome]:
    """Routes of one task's prompts, for a metric: right is ``served``."""
    return [Outcome("", name, served, name, cluster) for cluster, name in zip(clusters, names, strict=True)]


def _share(names: Sequence[str], wanted: str) -> float:
    return sum(name == wanted for name in names) / len(names)
