"""The formats of data that tasks may have; importing this registers them all."""

from mixologist.tasks.formats import classification, conversation_qa, extraction, free_text, numeric_qa
from mixologist.tasks.formats.base import FORMATS, Format
from mixologist.tasks.formats.binding import bind, detect

__all__ = [
    "FORMATS",
    "Format",
    "bind",
    "classification",
    "conversation_qa",
    "detect",
    "extraction",
    "free_text",
    "numeric_qa",
]
