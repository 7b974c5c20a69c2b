from typing import Any

import datasets
import pytest

from mixologist.tasks.guessing import Candidate, candidates


def first(**columns: list[Any]) -> Candidate:
    return next(candidates(datasets.Dataset.from_dict(columns)))


def texts(n: int = 60, about: str = "a ticket about parcel") -> list[str]:
    return [f"{about} {i}" for i in range(n)]


def cycle(*values: Any, n: int = 60) -> list[Any]:
    return [values[i % len(values)] for i in range(n)]


def test_usual_names_are_sure() -> None:
    found = first(text=texts(), label=cycle("a", "b"))
    assert (found.format, found.sure, found.columns) == ("classification", "sure", {})


def test_names_of_several_formats_are_likely_in_turn() -> None:
    columns = {"text": texts(), "label": cycle("a", "b"), "prompt": texts(), "completion": texts()}
    both = list(candidates(datasets.Dataset.from_dict(columns)))[:2]
    assert [(one.format, one.sure) for one in both] == [
        ("classification", "likely"),
        ("prompt_completion", "likely"),
    ]


def test_one_text_and_one_column_of_few_values_are_likely_labels() -> None:
    ids = [f"t{i}" for i in range(60)]
    found = first(ticket_id=ids, body=texts(), queue=cycle("billing", "returns", "other"))
    assert (found.format, found.sure) == ("classification", "likely")
    assert found.columns == {"text": "body", "label": "queue"}


def test_several_texts_and_labels_are_a_guess_that_names_what_is_not_read() -> None:
    found = first(
        subject=texts(about="a short"), body=texts(), category=cycle("x", "y"), country=cycle("AT", "DE")
    )
    assert (found.sure, found.columns) == ("guess", {"text": "body", "label": "category"})
    assert found.why.endswith("not read: subject, country")


@pytest.mark.parametrize(
    "values",
    [
        pytest.param([f"kind {i}" for i in range(60)], id="as many as rows"),
        pytest.param(cycle(*(f"kind {i}" for i in range(12))), id="a fifth of the rows"),
        pytest.param(["one"] * 60, id="no choice"),
        pytest.param(cycle(0.25, 0.5, 0.75), id="measures"),
    ],
)
def test_what_is_no_label(values: list[Any]) -> None:
    assert not list(candidates(datasets.Dataset.from_dict({"body": texts(), "kind": values})))


def test_whole_numbers_are_labels_while_they_are_few() -> None:
    stars = cycle(1, 2, 3, 4, 5)
    assert first(body=texts(), stars=stars).columns["label"] == "stars"
    many = datasets.Dataset.from_dict({"body": texts(300), "age": cycle(*range(20, 50), n=300)})
    assert not list(candidates(many))


@pytest.mark.parametrize(
    ("answers", "format", "metric"),
    [
        ([f"It is because of reason {i} of many." for i in range(60)], "prompt_completion", None),
        ([f"city of {i}x" for i in range(60)], "prompt_completion", "exact_match"),
        ([f"First add, then carry. So {i}." for i in range(60)], "prompt_completion", "numeric_match"),
        ([str(i * 7) for i in range(60)], "numeric_qa", None),
        (cycle("urgent", "can wait"), "classification", None),
    ],
)
def test_the_answers_decide_the_format(answers: list[str], format: str, metric: str | None) -> None:
    found = first(Source=texts(), Target=answers)
    assert (found.format, found.sure, found.metric) == (format, "likely", metric)
    assert set(found.columns.values()) == {"Source", "Target"}


def test_a_context_goes_with_its_question() -> None:
    found = first(question=texts(), passage=texts(about="a long passage on"), reply=texts(about="reply with"))
    assert found.format == "alpaca"
    assert found.columns == {"instruction": "question", "output": "reply", "input": "passage"}


@pytest.mark.parametrize(
    ("turn", "format", "field"),
    [
        ({"role": "user", "content": "hello"}, "messages", "messages"),
        ({"from": "human", "value": "hello"}, "sharegpt", "conversations"),
    ],
)
def test_chats_are_known_by_their_turns(turn: dict[str, str], format: str, field: str) -> None:
    found = first(dialog=[[turn]] * 30)
    assert (found.format, found.sure, found.columns) == (format, "likely", {field: "dialog"})


def test_the_sample_reaches_the_end_of_sorted_rows() -> None:
    found = first(body=texts(20_000), kind=sorted(cycle("a", "b", n=20_000)))
    assert found.format == "classification"


def test_lists_of_few_values_are_several_labels() -> None:
    found = first(clause=texts(), unfair=cycle(["law", "forum"], ["forum"], []))
    assert (found.format, found.columns) == ("multi_label", {"text": "clause", "labels": "unfair"})


def test_a_pair_of_texts_is_read_together() -> None:
    pair = {"sentence1": texts(), "sentence2": texts(about="another one about parcel")}
    similar = first(**pair, similarity_score=[i / 7 for i in range(60)])
    assert (similar.format, similar.sure) == ("regression", "likely")
    assert similar.columns == {"text": ("sentence1", "sentence2"), "score": "similarity_score"}
    same = first(**pair, is_duplicate=cycle(0, 1))
    assert (same.format, same.columns["text"]) == ("classification", ("sentence1", "sentence2"))
    entails = first(hypothesis=texts(about="it says"), premise=texts(), gold=cycle("no", "yes"))
    assert entails.columns["text"] == ("premise", "hypothesis")


def test_few_answers_to_a_question_over_a_context_are_labels() -> None:
    found = first(query=texts(), passage=texts(about="an abstract"), target=cycle("yes", "no"))
    assert (found.format, found.sure) == ("classification", "likely")
    assert found.columns == {"text": "query", "label": "target", "context": "passage"}
