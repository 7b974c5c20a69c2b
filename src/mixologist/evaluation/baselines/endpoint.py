"""A model behind an OpenAI-compatible endpoint, asked the questions that our adapters are asked.

The prompts are those of training, instruction included; an answer counts only if the task's format can read it.
Answers are kept like all others, so that no question is paid for twice; a stopped evaluation loses at most `BLOCK`.
Test rows leave the machine: `plan` and `evaluate` say so.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from mixologist.errors import MixologistError, UserError
from mixologist.evaluation.predictions import Predictions
from mixologist.recipe.schema import Endpoint
from mixologist.records import Example, Outcome
from mixologist.tasks.task import Task

BLOCK = 64
"""Answers after which all are written down."""
RETRIES = 5
"""Of one question, with growing pauses or the one that the server asks for (the openai package does it)."""


@dataclass
class Usage:
    """What the questions cost so far."""

    requests: int = 0
    retries: int = 0
    kept: int = 0
    """Answers that were there already."""
    prompt_tokens: int = 0
    completion_tokens: int = 0

    def add(self, reply: Any) -> None:
        """Count one reply and what came before it."""
        self.requests += 1
        self.retries += reply.retries_taken
        usage = reply.parse().usage
        if usage is not None:  # some servers do not count
            self.prompt_tokens += usage.prompt_tokens
            self.completion_tokens += usage.completion_tokens


@dataclass
class Asker:
    """Asks one endpoint."""

    spec: Endpoint
    kept: Predictions
    advance: Callable[[int], None] = lambda count: None
    usage: Usage = field(default_factory=Usage)

    def __post_init__(self) -> None:
        self._client = _client(self.spec)

    def answer(self, task: Task, split: str) -> list[Outcome]:
        """One outcome for each row of the split.

        Raises `UserError` where the endpoint refuses the key or the model, `MixologistError` where it cannot be
        reached or stays broken through the retries. What was answered by then is kept.
        """
        made_by = {
            "endpoint": self.spec.endpoint, "model": self.spec.model, "task": task.fingerprint,
        }  # fmt: skip
        known = self.kept.read(split, task.name, self.spec.called, made_by)
        rows = list(task.splits[split])
        missing = [row for row in rows if row.id not in known]
        self.usage.kept += len(rows) - len(missing)
        self.advance(len(rows) - len(missing))
        with ThreadPoolExecutor(self.spec.concurrency) as pool:
            for start in range(0, len(missing), BLOCK):
                try:
                    for outcome in pool.map(lambda row: self._ask(task, row), missing[start : start + BLOCK]):
                        known[outcome.id] = outcome
                        self.advance(1)
                finally:
                    self.kept.write(split, task.name, self.spec.called, made_by, known)
        return [known[row.id] for row in rows]

    def _ask(self, task: Task, row: Example) -> Outcome:
        import openai

        try:
            reply = self._client.chat.completions.with_raw_response.create(
                model=self.spec.model,
                messages=list(row.messages),
                temperature=0,
                max_tokens=task.max_new_tokens,
            )
        except (openai.AuthenticationError, openai.PermissionDeniedError, openai.NotFoundError) as error:
            raise self._refused(error) from error
        except openai.BadRequestError as error:
            raise self._refused(error) from error
        except openai.OpenAIError as error:
            raise MixologistError(
                f"{self.spec.endpoint} did not answer: {error}; answers so far are kept, give the same command again"
            ) from error
        self.usage.add(reply)
        text = (reply.parse().choices[0].message.content or "").strip()
        return Outcome(row.id, task.format.parse(text), row.reference, text, row.cluster)

    def _refused(self, error: Exception) -> UserError:
        return UserError(
            f"the endpoint refuses model '{self.spec.model}'",
            given=f"{self.spec.endpoint}: {error}",
            expected=f"a model that it serves, with a key in {self.spec.api_key_env} if it wants one",
            do="correct endpoint, model or api_key_env under evaluation.baselines",
        )


def _client(spec: Endpoint) -> Any:
    try:
        import openai
    except ImportError as error:
        raise UserError(
            "an endpoint as baseline needs the openai package",
            given="it is not installed",
            expected="mixologist with its extra `endpoint`",
            do="pip install 'mixologist[endpoint]'",
        ) from error
    key = os.environ.get(spec.api_key_env) or "none"  # local servers want no key, the package wants some text
    return openai.OpenAI(base_url=spec.endpoint, api_key=key, max_retries=RETRIES, timeout=spec.timeout)


def asked_of(baselines: Sequence[Any]) -> list[Endpoint]:
    """The endpoints among a recipe's baselines."""
    return [one for one in baselines if isinstance(one, Endpoint)]
