"""Talk to a run: each turn is routed anew and shows its adapter. /adapter NAME pins one, /reset forgets, /quit ends."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mixologist import api
from mixologist.cli.console import out
from mixologist.errors import UserError
from mixologist.records import Message


def run(
    run: Annotated[Path, typer.Argument(help="The run folder.")],
    adapter: Annotated[str, typer.Option(help="auto, base, or an adapter's name.")] = "auto",
    max_new_tokens: Annotated[int, typer.Option(min=1)] = 128,
    temperature: Annotated[float, typer.Option(min=0.0)] = 0.0,
) -> None:
    """See the module."""
    model = api.load(run)
    model.known(adapter)
    out.print(f"adapters: {', '.join(model.adapters)}; /adapter NAME, /reset, /quit", markup=False)
    history: list[Message] = []
    while True:
        try:
            text = input("> ").strip()
        except (EOFError, KeyboardInterrupt):
            return
        if text in ("/quit", "/exit"):
            return
        if text == "/reset":
            history = []
        elif text.startswith("/adapter"):
            adapter = text.removeprefix("/adapter").strip() or "auto"
        elif text:
            history = _turn(model, history, text, adapter, max_new_tokens, temperature)


def _turn(
    model: api.Model, history: list[Message], text: str, adapter: str, max_new_tokens: int, temperature: float
) -> list[Message]:
    messages = [*history, {"role": "user", "content": text}]
    try:
        answer = model.generate(messages, adapter, max_new_tokens=max_new_tokens, temperature=temperature)
    except UserError as error:
        out.print(f"{error}", markup=False)
        return history
    chosen = answer.route.probabilities.get(answer.adapter) if answer.route else None
    sure = f" {100 * chosen:.0f}%" if chosen is not None else ""
    score = f", base score {answer.route.base_score:.2f}" if answer.route else ""
    out.print(f"[{answer.adapter}{sure}{score}] {answer.text}", markup=False)
    return [*messages, {"role": "assistant", "content": answer.text}]
