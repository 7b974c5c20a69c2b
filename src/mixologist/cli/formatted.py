"""One formatted example per task, with the trained tokens marked."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from mixologist.planning import Plan

MOST_CHARACTERS = 600


def show_examples(plan: Plan, console: Console) -> None:
    """Print each task's first train example as the base will see it; the trained tokens stand between ⟦ ⟧."""
    console.print("One example per task; only what stands between ⟦ ⟧ is trained on.", style="bold")
    for name, rows in plan.train.items():
        encoded = rows[0]
        prompt = plan.encoder.tokenizer.decode(encoded.prompt)
        completion = plan.encoder.tokenizer.decode(encoded.completion)
        if len(prompt) > MOST_CHARACTERS:
            half = MOST_CHARACTERS // 2
            prompt = f"{prompt[:half]} […] {prompt[-half:]}"
        text = Text(f"{name}: ", style="bold").append(prompt, style="not bold dim")
        console.print(text.append(f"⟦{completion}⟧", style="not bold green"), soft_wrap=True)
