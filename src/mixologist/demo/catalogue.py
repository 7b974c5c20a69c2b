"""Every data set of the demo: how its rows are made, how many, and how its recipe entry reads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mixologist.demo import documents, general, reviews, tickets
from mixologist.demo.draw import Draw, Row

VALIDATION_ROWS = 50
TEST_ROWS = 100


@dataclass(frozen=True)
class DataSet:
    """One data set: ``spec`` is its recipe entry without name and path."""

    make: Callable[[Draw], Row]
    train_rows: int
    spec: dict[str, Any]
    twin: int | None = None
    """0 or 1 for two tasks on the same kind of text: each text belongs to one of them only."""

    def sizes(self, scale: float) -> dict[str, int]:
        """Rows of each split when all is ``scale`` times as large; never below 4."""
        counts = {"train": self.train_rows, "validation": VALIDATION_ROWS, "test": TEST_ROWS}
        return {split: max(4, round(n * scale)) for split, n in counts.items()}


def _classification(labels: tuple[str, ...], **wordings: Any) -> dict[str, Any]:
    columns = {"format": "classification", "text": "text", "label": "label"}
    return {**columns, "labels": list(labels), "metric": "accuracy", **wordings}


TASKS = {
    "queue": DataSet(
        tickets.queue,
        320,
        _classification(
            tuple(sorted(tickets.PROBLEMS)),
            instruction="Which queue is this ticket for?",
            rewordings=[
                "Route the ticket to the right queue.",
                "Which team should answer this message?",
                "Sort this message by subject.",
                "Cards, payments, loans, login, delivery or returns?",
            ],
            held_out_rewordings=[
                "Who has to deal with this ticket?",
                "Assign this customer message to a team.",
            ],
        ),
    ),
    "urgency": DataSet(
        tickets.urgency,
        320,
        _classification(
            tickets.URGENCIES,
            instruction="How urgent is this message?",
            rewordings=[
                "Rate the urgency of the message.",
                "What priority does this message get?",
                "Is the urgency low, normal or high?",
                "Judge how soon this customer needs us.",
            ],
            held_out_rewordings=["Must we hurry with this customer?", "Give the message a priority."],
        ),
    ),
    "call_urgency": DataSet(
        tickets.call_urgency,
        40,
        _classification(
            tickets.URGENCIES,
            instruction="How urgent is this phone note?",
            rewordings=[
                "Rate the urgency of the call.",
                "What priority does this phone note get?",
                "Is this call of low, normal or high urgency?",
                "Judge how soon this caller needs us.",
            ],
            held_out_rewordings=["Must we hurry with this caller?", "Give the phone note a priority."],
        ),
    ),
    "sentiment": DataSet(
        reviews.sentiment,
        360,
        _classification(
            reviews.SENTIMENTS,
            instruction="Is this review good news for us?",
            rewordings=[
                "Is the review positive or negative for us?",
                "Judge this review of our product.",
                "What does this review of ours say, good or bad?",
                "Read the customer's review: negative or positive?",
            ],
            held_out_rewordings=["Does the customer like what we sold?", "Rate our review as good or bad."],
        ),
        twin=0,
    ),
    "rival_reviews": DataSet(
        reviews.rival_reviews,
        120,
        _classification(
            reviews.SENTIMENTS,
            instruction="Is this review of a rival good news for us?",
            rewordings=[
                "Is the rival's review positive or negative for us?",
                "Judge this review of a rival's product.",
                "What does this review of a rival mean for us, good or bad?",
                "Read the review of our competitor: negative or positive for us?",
            ],
            held_out_rewordings=[
                "A rival sold this: is the review good or bad for our shop?",
                "Rate what the rival's review means for us.",
            ],
        ),
        twin=1,
    ),
    "entities": DataSet(
        documents.entities,
        160,
        {
            "format": "extraction",
            "instruction": "List product, order, city and amount.",
            "rewordings": [
                "Extract the product, order, city and amount.",
                "Which entities does the message name?",
                "Find every PRODUCT, ORDER, CITY and AMOUNT.",
            ],
            "held_out_rewordings": ["Mark all entities in this message.", "Pull out what is named here."],
            "metric": "entity_f1",
            "max_new_tokens": 32,
        },
    ),
    "invoices": DataSet(
        documents.invoices,
        120,
        {
            "format": "numeric_qa",
            "instruction": "Answer from the invoice.",
            "rewordings": [
                "Look it up in the invoice.",
                "Read the invoice and give the number.",
                "Which number answers the question?",
            ],
            "held_out_rewordings": ["Use the table to answer.", "What does the bill say?"],
            "metric": "numeric_match",
            "max_new_tokens": 8,
        },
    ),
    "titles": DataSet(
        tickets.titles,
        220,
        {
            "format": "prompt_completion",
            "instruction": "Write the ticket title, product and problem.",
            "rewordings": [
                "Give this complaint a title.",
                "Sum up the complaint as product and problem.",
                "What is broken, and how? Answer as a title.",
            ],
            "held_out_rewordings": ["Name the ticket.", "Put the complaint in a headline."],
            "metric": "exact_match",
            "max_new_tokens": 12,
        },
    ),
}
"""The tasks of the recipe, in its order."""

REGULARISERS = {
    "general": DataSet(general.general, 400, {"format": "alpaca", "metric": "rouge_l", "share": 0.1}),
    "arithmetic": DataSet(
        general.arithmetic, 300, {"format": "prompt_completion", "metric": "numeric_match", "share": 0.05}
    ),
}
"""General and math data of the recipe."""
