"""What the demo promises about its tasks, shown with linear models: quick, and no base model in sight."""

from collections import Counter

import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from mixologist.demo.build import rows
from mixologist.demo.catalogue import TASKS

CLASSIFICATION = [name for name, data in TASKS.items() if data.spec["format"] == "classification"]
Pairs = list[tuple[str, str]]


def pairs(task: str, split: str, n: int, instruction: str = "") -> Pairs:
    return [(f"{instruction} {row['text']}", row["label"]) for row in rows(task, split, n, 0)]


def train(task: str, instruction: str = "") -> Pairs:
    return pairs(task, "train", TASKS[task].train_rows, instruction)


def linear_accuracy(learn: Pairs, judge: Pairs) -> float:
    model = make_pipeline(TfidfVectorizer(ngram_range=(1, 2)), LogisticRegression(C=10, max_iter=1000))
    model.fit(*map(list, zip(*learn, strict=True)))
    return float(model.score(*map(list, zip(*judge, strict=True))))


def majority(pairs: Pairs) -> float:
    return Counter(label for _, label in pairs).most_common(1)[0][1] / len(pairs)


def best_word_rule(pairs: Pairs) -> float:
    """Accuracy of the best of all rules: this label where the word stands, that label where it does not."""
    words = [(set(text.casefold().replace(".", " ").split()), label) for text, label in pairs]
    best = 0
    for word in set().union(*(found for found, _ in words)):
        inside = Counter(label for found, label in words if word in found)
        outside = Counter(label for found, label in words if word not in found)
        best = max(best, sum(max(c.values(), default=0) for c in (inside, outside)))
    return best / len(pairs)


@pytest.mark.parametrize("task", CLASSIFICATION)
def test_no_single_word_solves_a_task(task: str) -> None:
    judge = pairs(task, "test", 400)
    assert majority(judge) < 0.6
    assert best_word_rule(judge) < 0.7


@pytest.mark.parametrize("task", CLASSIFICATION)
def test_a_task_can_be_learnt_from_its_rows(task: str) -> None:
    judge = pairs(task, "test", 400)
    gain = linear_accuracy(train(task), judge) - majority(judge)
    assert gain > (0.3 if TASKS[task].train_rows > 100 else 0.1)


def test_sharing_helps_call_urgency() -> None:
    judge = pairs("call_urgency", "test", 400)
    alone = linear_accuracy(train("call_urgency"), judge)
    assert linear_accuracy(train("call_urgency") + train("urgency"), judge) > alone + 0.1


def test_sharing_hurts_rival_reviews_though_the_instruction_tells_them_apart() -> None:
    ours, rival = (str(TASKS[task].spec["instruction"]) for task in ("sentiment", "rival_reviews"))
    judge = pairs("rival_reviews", "test", 400, rival)
    alone = linear_accuracy(train("rival_reviews", rival), judge)
    assert linear_accuracy(train("rival_reviews", rival) + train("sentiment", ours), judge) < alone - 0.3


def test_every_wording_of_rival_reviews_has_the_cue_and_no_wording_of_sentiment_has() -> None:
    def cued(task: str) -> list[bool]:
        spec = TASKS[task].spec
        wordings = [spec["instruction"], *spec["rewordings"], *spec["held_out_rewordings"]]
        return ["rival" in wording or "competitor" in wording for wording in wordings]

    assert all(cued("rival_reviews"))
    assert not any(cued("sentiment"))


def test_the_big_twin_has_three_times_the_rows_of_the_hurt_one() -> None:
    assert TASKS["sentiment"].train_rows == pytest.approx(3 * TASKS["rival_reviews"].train_rows, rel=0.1)


def test_sizes_scale_and_never_vanish() -> None:
    assert TASKS["queue"].sizes(2.0)["train"] == 2 * TASKS["queue"].train_rows
    assert min(TASKS["queue"].sizes(0.001).values()) >= 3
