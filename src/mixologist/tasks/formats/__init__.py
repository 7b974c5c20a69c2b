"""The formats of data that tasks may have; importing this registers them all."""

from mixologist.tasks.formats import (
    classification,
    conversation_qa,
    extraction,
    free_text,
    multi_label,
    multiple_choice,
    numeric_qa,
    regression,
)
from mixologist.tasks.formats.base import FORMATS, Column, Columns, Format
from mixologist.tasks.formats.binding import bind, detect

__all__ = [
    "FORMATS",
    "Column",
    "Columns",
    "Format",
    "bind",
    "classification",
    "conversation_qa",
    "detect",
    "extraction",
    "free_text",
    "multi_label",
    "multiple_choice",
    "numeric_qa",
    "regression",
]
