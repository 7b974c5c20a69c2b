"""What each challenge makes of a text, and of a whole split."""

import re
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

import pytest

from mixologist import seeds
from mixologist.errors import UserError, UserErrors
from mixologist.recipe.schema import Recipe
from mixologist.records import Example
from mixologist.tasks.challenges import Altered, misspelt, negated, renumbered
from mixologist.tasks.task import Task, load_tasks
from tests.tasks.conftest import Write

TEXTS = [
    "The 3 parcels that I ordered in 2019 are broken, refund 45 euros please",
    "Card",  # no word that may be misspelt: it is the answer
    "My card is not working since Monday",
    "Where is my order",
]


def example(text: str, completion: str = "card", context: str = "") -> Example:
    messages = ({"role": "user", "content": f"Sort it.\n\n{text}"},)
    return Example("t", "test/0", messages, completion, text, completion, context)


def random(key: object) -> Any:
    return seeds.generator(0, key)


def load(path: Path, **spec: Any) -> Task:
    recipe = Recipe.model_validate({"tasks": [{"name": "t", "path": str(path), **spec}]})
    return load_tasks(recipe).tasks["t"]


@pytest.fixture
def task(write: Write) -> Task:
    for split in ("train", "validation"):
        write(
            f"t/{split}.jsonl",
            [{"text": f"{split} {i}", "label": ("card", "parcel")[i % 2]} for i in range(4)],
        )
    test = [{"text": text, "label": ("parcel", "card")[i > 0]} for i, text in enumerate(TEXTS)]
    return load(write("t/test.jsonl", test).parent)


def altered(task: Task, name: str, seed: int = 0) -> Altered:
    return Altered(task.splits["test"], name, task.held_out_rewordings, seed)


@pytest.mark.parametrize("name", ["typos", "numbers", "negation", "reworded"])
def test_the_same_rows_give_the_same_copies_with_their_answers(task: Task, name: str) -> None:
    one, two = altered(task, name), altered(task, name)
    assert one.examples == two.examples
    assert len(one) == len(one.numbers) > 0
    for number, changed in zip(one.numbers, one, strict=True):
        plain = task.splits["test"][number]
        assert (changed.id, changed.completion, changed.reference) == (
            plain.id,
            plain.completion,
            plain.reference,
        )
        assert changed.messages != plain.messages
        assert changed.text in changed.messages[-1]["content"]


def test_rows_that_cannot_be_altered_are_left_out(task: Task) -> None:
    assert altered(task, "numbers").numbers == [0]
    assert altered(task, "negation").numbers == [0, 2, 3]
    assert altered(task, "typos").numbers == [0, 2, 3]
    assert altered(task, "reworded").numbers == [0, 1, 2, 3]


def test_another_seed_makes_other_typos(task: Task) -> None:
    assert altered(task, "typos").examples != altered(task, "typos", seed=1).examples


def test_typos_spare_digits_short_words_and_words_of_the_answer() -> None:
    text = "lost card 1234 please help me at once " * 5
    changed = [
        (old, new) for old, new in zip(text.split(), misspelt(text, example(text), random(0)).split(), strict=True)
        if old != new
    ]  # fmt: skip
    assert len(changed) == 4  # one in ten of 40
    for old, new in changed:
        assert old in ("lost", "please", "help", "once")
        assert new[0] == old[0]
        assert SequenceMatcher(None, old, new).ratio() >= 0.75


def test_typos_are_swaps_losses_and_doublings() -> None:
    made = {misspelt("order", example("order"), random(key)) for key in range(200)}
    assert {"odrer", "oder", "orrder"} <= made
    assert "order" not in made
    assert all(word[0] == "o" and abs(len(word) - 5) <= 1 for word in made)


def test_no_typo_in_what_a_reference_names() -> None:
    wanted = Example("t", "a", (), "Acme: buyer", "Acme pays", {("Acme", "buyer"), ("pays", "deed")})
    assert misspelt(wanted.text, wanted, random(0)) == wanted.text


@pytest.mark.parametrize("key", range(30))
def test_numbers_keep_their_order_and_their_zeros(key: int) -> None:
    text = "from 8.7 to 13.1 of 205 in 20 days, 0 left"
    changed = renumbered(text, example(text), random(key))
    assert changed != text
    assert re.sub(r"[1-9]", "#", changed) == re.sub(r"[1-9]", "#", text)
    was, now = ([float(n) for n in re.findall(r"\d+\.?\d*", said)] for said in (text, changed))
    assert sorted(range(5), key=was.__getitem__) == sorted(range(5), key=now.__getitem__)
    assert now[-1] == 0


def test_no_other_digits_where_there_are_none_or_all() -> None:
    for text in ("no figure, 0 at most", "1 2 3 4 5 6 7 8 9"):
        assert renumbered(text, example(text), random(0)) == text


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("The card is broken and is old", "The card is not broken and is old"),
        ("I can not pay", "I can pay"),
        ("I cannot pay", "I can pay"),
        ("It is not here and not there, is not it", "It is here and not there, is not it"),
        ("I can't pay", "I can pay"),
        ("It won't open", "It will open"),
        ("They haven't come", "They have come"),
        ("Do I need it?", "Do I not need it?"),
        ("Is it not here?", "Is it here?"),
        ("I have to pay", "I have to pay"),
        ("I have a question: are you open", "I have a question: are you not open"),
        ("Pay the bill", "Pay the bill"),
        ("It's a must-have", "It's a must-have"),
    ],
)
def test_negation(text: str, other: str) -> None:
    assert negated(text, example(text), random(0)) == other


def test_the_instruction_alone_is_reworded_in_held_out_ways(task: Task) -> None:
    ways = {
        said.messages[-1]["content"].removesuffix(said.text).strip() for said in altered(task, "reworded")
    }
    known = {way.replace("{labels}", "card, parcel") for way in task.held_out_rewordings}
    assert ways <= known
    assert [said.text for said in altered(task, "reworded")] == TEXTS


def test_context_stays_as_it_is(write: Write) -> None:
    row = {"question": "What is the total of 2019?", "answer": "7", "context": "The total of 2019 is 7."}
    for split in ("train", "validation", "test"):
        write(f"qa/{split}.jsonl", [{**row, "question": f"{row['question']} {split} {i}"} for i in range(3)])
    path = write("qa/note.txt", []).parent
    task = load(
        path, format="numeric_qa", columns={"question": "question", "answer": "answer", "context": "context"}
    )
    for name in ("typos", "reworded"):
        for said in altered(task, name):
            assert row["context"] in said.messages[-1]["content"]
            assert said.context == row["context"]
    for name in ("numbers", "negation"):
        with pytest.raises(UserError, match=f"challenge {name} needs labels"):
            load(path, format="numeric_qa", challenges=[name])


def test_all_challenges_that_a_task_cannot_be_put_to_are_told(write: Write) -> None:
    for split in ("train", "validation", "test"):
        write(f"p/{split}.jsonl", [{"prompt": f"{split} {i}", "completion": "yes"} for i in range(3)])
    with pytest.raises(UserErrors) as error:
        load(write("p/note.txt", []).parent, challenges=["reworded", "numbers", "negation"])
    assert [problem.do for problem in error.value.problems] == [
        "remove numbers from its challenges",
        "remove negation from its challenges",
    ]
