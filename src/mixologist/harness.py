"""A run as a model of EleutherAI's lm-evaluation-harness, so that its tasks measure what we trained.

    python -m mixologist.harness --model mixologist --model_args run=runs/my --apply_chat_template --tasks ifeval

The arguments are those of ``lm_eval``. Up to release 0.4.13 it has no way to find models of other packages: this module
registers ours and hands over. Later ones find it by its entry point, so that ``lm_eval --model mixologist`` does it.
``adapter=auto`` (the default) lets the router pick one for each prompt; or name one, or ``base``.
Without ``--apply_chat_template`` the adapters see prompts that are shaped otherwise than in training.

n = requests
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from lm_eval.api.model import TemplateLM
from lm_eval.api.registry import register_model
from lm_eval.models.utils import normalize_gen_kwargs
from lm_eval.utils import get_rolling_token_windows, make_disjoint_window
from tqdm import tqdm

from mixologist.api import Model
from mixologist.errors import UserError
from mixologist.model.families import longest
from mixologist.model.trunk import prompt_features
from mixologist.tasks.encoding import Encoded

Ids = Sequence[int]
MAX_NEW_TOKENS = 256
"""Of an answer, where a task does not say: as in the harness's Hugging Face backend."""


@register_model("mixologist")
class HarnessModel(TemplateLM):  # type: ignore[misc]
    """A run with its router. Raises `UserError` for a folder or an adapter that is not there.

    The harness's ``batch_size`` and ``device`` have no effect: batches follow lengths, and the run knows its device.
    """

    def __init__(self, run: str = "", adapter: str = "auto", **_: Any) -> None:
        super().__init__()
        if not run:
            raise UserError(
                "no run is named",
                given="no run=",
                expected="the folder of a finished run",
                do="--model_args run=runs/my",
            )
        self.model = Model(run)
        self.adapter = self.model.known(adapter)
        self.tokenizer = self.model.base.tokenizer
        self._asked: dict[str, Encoded] = {}
        """Prompts that came from messages: where their last turn lies is known only there."""

    @property
    def max_length(self) -> int:
        """Positions of the base."""
        return longest(self.model.base.model.config)

    @property
    def eot_token_id(self) -> int:
        """What ends a text, and stands before one that has no context."""
        return int(self.tokenizer.eos_token_id)

    @property
    def tokenizer_name(self) -> str:
        """Names the harness's caches of requests."""
        return str(self.model.record["base_digest"])

    def tok_encode(self, string: str, add_special_tokens: bool | None = None, **_: Any) -> list[int]:
        """Token ids; special tokens only where the text has them, as in training."""
        return list(self.tokenizer(string, add_special_tokens=bool(add_special_tokens))["input_ids"])

    def apply_chat_template(
        self, chat_history: list[dict[str, str]], add_generation_prompt: bool = True
    ) -> str:
        """A conversation as the base reads it."""
        text = str(
            self.tokenizer.apply_chat_template(
                chat_history,
                tokenize=False,
                add_generation_prompt=add_generation_prompt,
                continue_final_message=not add_generation_prompt,
            )
        )
        if add_generation_prompt:
            self._asked[text] = self.model.encoder.prompt(chat_history)
        return text

    def generate_until(self, requests: list[Any], disable_tqdm: bool = False) -> list[str]:
        """Answers, ended by the task's stop strings or the base's own end tokens."""
        alike = defaultdict[tuple[Any, ...], list[int]](list)
        for number, request in enumerate(requests):
            options = normalize_gen_kwargs(request.args[1], MAX_NEW_TOKENS)
            until = tuple(text for text in options["until"] if text)
            temperature = options.get("temperature", 1.0) if options.get("do_sample") else 0.0
            alike[until, options["max_gen_toks"], temperature].append(number)
        answers = [""] * len(requests)
        with tqdm(total=len(requests), desc="Generating", disable=disable_tqdm) as bar:
            for (until, tokens, temperature), numbers in alike.items():
                prompts = self._prompts([requests[i].args[0] for i in numbers], tokens)
                found = self.model.generator.generate(
                    [prompt.prompt for prompt in prompts], self._adapters(prompts), tokens,
                    temperature=temperature, stop=until, advance=bar.update,
                )  # fmt: skip
                for i, ids in zip(numbers, found, strict=True):
                    text = self.tokenizer.decode(ids, skip_special_tokens=True)
                    answers[i] = _cut(text, until)
                    self.cache_hook.add_partial("generate_until", requests[i].args, answers[i])
        return answers

    def loglikelihood_rolling(self, requests: list[Any], disable_tqdm: bool = False) -> list[float]:
        """Log-likelihood of whole texts, in nats: windows of the base's length, each token read once."""
        totals = []
        for request in tqdm(requests, desc="Reading", disable=disable_tqdm):
            windows = get_rolling_token_windows(
                self.tok_encode(request.args[0]), self.eot_token_id, self.max_length, 1
            )
            pairs = [(("", ""), *make_disjoint_window(window)) for window in windows]
            totals.append(sum(value for value, _ in self._loglikelihood_tokens(pairs, disable_tqdm=True)))
        return totals

    def _loglikelihood_tokens(
        self, requests: list[tuple[tuple[str, str], list[int], list[int]]], **options: Any
    ) -> list[tuple[float, bool]]:
        """For each: the continuation's log-likelihood in nats, and whether greedy decoding would write it.

        Requests on one prompt share its forward pass, prompts with the same continuations a batch.
        """
        by_prompt = defaultdict[tuple[int, ...], dict[tuple[int, ...], list[int]]](lambda: defaultdict(list))
        texts = {}
        for number, ((text, _), context, continuation) in enumerate(requests):
            room = self.max_length + 1 - len(continuation)
            kept = tuple(context[-max(1, room) :])
            by_prompt[kept][tuple(continuation)].append(number)
            texts[kept] = text
        alike = defaultdict[tuple[tuple[int, ...], ...], list[tuple[int, ...]]](list)
        for prompt, found in by_prompt.items():
            alike[tuple(sorted(found))].append(prompt)
        results: list[tuple[float, bool]] = [(0.0, False)] * len(requests)
        with tqdm(total=len(by_prompt), desc="Scoring", disable=options.get("disable_tqdm", False)) as bar:
            for labels, prompts in alike.items():
                adapters = self._adapters([self._known(texts[prompt], prompt) for prompt in prompts])
                scores, greedy = self.model.generator.likelihoods(
                    prompts, adapters, labels, advance=bar.update
                )
                for row, prompt in enumerate(prompts):
                    for column, label in enumerate(labels):
                        for number in by_prompt[prompt][label]:
                            results[number] = (float(scores[row, column]), bool(greedy[row, column]))
        for (pair, _, _), result in zip(requests, results, strict=True):
            self.cache_hook.add_partial("loglikelihood", pair, result)
        return results

    def _prompts(self, texts: list[str], room: int) -> list[Encoded]:
        """Their last tokens that leave room for an answer."""
        kept = -max(1, self.max_length - room)
        return [
            self._known(text, (tuple(ids) or (self.eot_token_id,))[kept:])
            for text, ids in zip(
                texts, self.tokenizer(texts, add_special_tokens=False)["input_ids"], strict=True
            )
        ]

    def _known(self, text: str, ids: tuple[int, ...]) -> Encoded:
        """With its last turn, where it was made of messages and is whole; else all of it counts as the turn."""
        known = self._asked.get(text)
        return known if known and known.prompt == ids else Encoded(ids, (), (0, len(ids)))

    def _adapters(self, prompts: Sequence[Encoded]) -> list[str | None]:
        """Which adapter answers each prompt; None is the base."""
        if self.adapter != "auto":
            return [None if self.adapter == "base" else self.adapter] * len(prompts)
        run = self.model
        features = prompt_features(run.base, run.bank, list(prompts), run.router.settings.depth)
        return [None if route.adapter == "base" else route.adapter for route in run.router.routes(features)]


def _cut(text: str, until: Sequence[str]) -> str:
    """What stands before the first of the stop strings."""
    return text[: min([len(text), *(place for stop in until if (place := text.find(stop)) >= 0)])]


def main() -> None:
    """``lm_eval`` with our model registered."""
    from lm_eval.__main__ import cli_evaluate

    cli_evaluate()


if __name__ == "__main__":
    main()
