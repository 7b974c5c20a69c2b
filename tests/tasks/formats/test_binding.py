from typing import Any

import datasets
import pytest

from mixologist.errors import UserError
from mixologist.tasks.formats import bind, detect


def rows(**columns: list[Any]) -> Any:
    return datasets.Dataset.from_dict(columns)


@pytest.mark.parametrize(
    ("columns", "name"),
    [
        (["id", "text", "label"], "classification"),
        (["sentence", "labels"], "classification"),
        (["tokens", "ner_tags"], "extraction"),
        (["text", "entities"], "extraction"),
        (["question", "answer", "context", "table"], "numeric_qa"),
        (["question", "options", "answer"], "multiple_choice"),
        (["sentence", "score"], "regression"),
        (["questions", "executed_answers", "answers", "pre_text"], "conversation_qa"),
        (["prompt", "completion"], "prompt_completion"),
        (["instruction", "input", "output"], "alpaca"),
        (["instruction", "context", "response", "category"], "alpaca"),
        (["messages", "source"], "messages"),
        (["conversations"], "sharegpt"),
    ],
)
def test_detect(columns: list[str], name: str) -> None:
    assert detect(columns, {}, "t") == name


def test_mapped_columns_take_part_in_detection() -> None:
    assert detect(["body", "queue"], {"text": "body", "label": "queue"}, "t") == "classification"
    assert (
        detect(["question", "answer"], {"prompt": "question", "completion": "answer"}, "t")
        == "prompt_completion"
    )


def test_none_and_several_say_what_each_format_needs() -> None:
    with pytest.raises(UserError, match="fit no format") as none:
        detect(["body", "queue"], {}, "t")
    assert none.value.given == "columns body, queue"
    assert "classification: text (or sentence) + label (or labels, category)" in none.value.expected
    with pytest.raises(UserError, match="fit several formats") as several:
        detect(["text", "label", "entities"], {}, "t")
    assert several.value.expected.count(";") == 1


def test_bind_fills_in_defaults() -> None:
    format = bind({"train": rows(text=["x", "y"], label=["b", "a"])}, task="t")
    assert (format.name, format.metric, format.labels) == ("classification", "macro_f1", ("a", "b"))
    assert format.instruction == "Classify the text."


def test_bind_keeps_what_is_given() -> None:
    source = {"train": rows(body=["x", "y"], label=["b", "a"])}
    format = bind(
        source, task="t", columns={"text": "body"}, labels=("c", "a"), instruction="", metric="accuracy"
    )
    assert (format.columns, format.labels) == ({"text": "body", "label": "label"}, ("c", "a"))
    assert (format.instruction, format.metric) == ("", "accuracy")


@pytest.mark.parametrize(
    ("options", "what", "do"),
    [
        ({"format": "clasification"}, "unknown format", "did you mean 'classification'?"),
        ({"columns": {"text": "txt"}}, "train has no column 'txt'", "did you mean 'text'?"),
        (
            {"format": "classification", "columns": {"txt": "text"}},
            "has no field 'txt'",
            "did you mean 'text'?",
        ),
        ({"format": "alpaca"}, "no column for instruction, output", "columns: {instruction: <column>}"),
        ({"metric": "acuracy"}, "metric 'acuracy' cannot judge", "did you mean 'accuracy'?"),
        ({"metric": "entity_f1"}, "metric 'entity_f1' cannot judge", "known:"),
    ],
)
def test_mistakes_name_the_nearest(options: dict[str, Any], what: str, do: str) -> None:
    with pytest.raises(UserError, match=what) as error:
        bind({"train": rows(text=["x", "y"], label=["b", "a"])}, task="t", **options)
    assert do in error.value.do


def test_every_split_needs_the_columns() -> None:
    source = {"train": rows(text=["x", "y"], label=["b", "a"]), "test": rows(text=["z"], lable=["a"])}
    with pytest.raises(UserError, match="test has no column 'label'") as error:
        bind(source, task="t")
    assert "lable" in error.value.do
