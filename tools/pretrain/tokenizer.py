"""The built-in base's tokenizer: byte-level BPE with single digits, the special tokens of a chat and its template.

python -m tools.pretrain.tokenizer --vocabulary 8192
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from tools.pretrain.sources import END, documents, held_out, task_inputs

SPECIAL = (END, "<|pad|>", "<|system|>", "<|user|>", "<|assistant|>", "<|end|>")
TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|' + message['role'] + '|>' + message['content'] + '<|end|>' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)
SAMPLE = {"wikipedia": 4, "books_classic": 6, "dialogues_sgd": 6, "company_profiles": 4}
"""Of large or formulaic sources every n-th document only, lest they fill the vocabulary with their phrases."""
LONGEST = 20_000
"""Characters of a document that are counted: one long contract is not a vocabulary."""


def train(texts: Iterator[str], vocabulary: int) -> Any:
    """A Transformers tokenizer of ``vocabulary`` tokens. Every byte is a token, so that nothing is ever unknown."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=list(SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, chat_template=TEMPLATE, model_max_length=2048,
        bos_token=END, eos_token=END, pad_token="<|pad|>",
        additional_special_tokens=list(SPECIAL[2:]), clean_up_tokenization_spaces=False,
    )  # fmt: skip


def texts() -> Iterator[str]:
    """The sample that merges are counted on: no held-out document."""
    for number, document in enumerate(itertools.chain(documents(), task_inputs())):
        if number % SAMPLE.get(document.source, 1) == 0 and not held_out(document.text):
            yield document.text[:LONGEST]


def main() -> None:
    """Train and save."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--vocabulary", type=int, default=8192)
    parser.add_argument("--out", type=Path, default=Path("runs/pretrain/tokenizer"))
    given = parser.parse_args()
    train(texts(), given.vocabulary).save_pretrained(given.out)


if __name__ == "__main__":
    main()
