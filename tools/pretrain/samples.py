"""What a base writes: ten fixed prompts, continued greedily and at temperature 0.7."""

from __future__ import annotations

from typing import Any

import torch

from tools.pretrain.likelihood import start_token

PLAIN = (
    "The river rises in the mountains north of the town and",
    "When the train stopped at the last station, the old woman picked up her basket and",
    "The city council announced on Tuesday that",
    "Net sales for the quarter increased by 6 percent, mainly because",
    "This Agreement may be terminated by either party if",
    "To change the address on an invoice, open the",
)
CHAT = (
    "Why do leaves change their colour in autumn?",
    "Write two sentences that tell a customer that a parcel is late.",
    "Is this good or bad news for the shareholders? Answer with one word.\n\n"
    "The bakery chain doubled its profit this year.",
    "Customer: I would like a table for four tonight.\nAssistant: At what time?\nCustomer: At half past seven.\n\n"
    "What does the customer want?",
)


def samples(model: Any, tokenizer: Any, tokens: int = 60, seed: int = 0) -> list[dict[str, str]]:
    """For each prompt: its kind, the prompt, and the continuations ``greedy`` and ``sampled``."""
    plain = [("plain", text, [start_token(tokenizer), *_ids(tokenizer, text)]) for text in PLAIN]
    chat = [("chat", text, _ids(tokenizer, _rendered(tokenizer, text))) for text in CHAT]
    return [
        {"kind": kind, "prompt": text}
        | {"greedy": _continued(model, tokenizer, ids, tokens, do_sample=False)}
        | {
            "sampled": _continued(
                model, tokenizer, ids, tokens, seed, do_sample=True, temperature=0.7, top_k=0
            )
        }
        for kind, text, ids in plain + chat
    ]


def _ids(tokenizer: Any, text: str) -> list[int]:
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


def _rendered(tokenizer: Any, question: str) -> str:
    messages = [{"role": "user", "content": question}]
    return str(tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True))


def _continued(model: Any, tokenizer: Any, ids: list[int], tokens: int, seed: int = 0, **options: Any) -> str:
    """Up to ``tokens`` tokens after ``ids``, fewer where the model ends by itself."""
    torch.manual_seed(seed)
    given = torch.tensor([ids], device=model.device)
    pad = tokenizer.eos_token_id if tokenizer.pad_token_id is None else tokenizer.pad_token_id
    made = model.generate(
        given, attention_mask=torch.ones_like(given), max_new_tokens=tokens, pad_token_id=pad, **options
    )
    return str(tokenizer.decode(made[0, len(ids) :], skip_special_tokens=True))
