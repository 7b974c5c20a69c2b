from mixologist.demo.build import rows
from mixologist.demo.tickets import DEADLINE, IMPACT, SYMPTOMS, URGENCIES


def points(text: str, cues: tuple[tuple[str, ...], ...]) -> int:
    """Grade of the one cue in the text; a typo may hide it (-1)."""
    folded = text.casefold()
    grades = {
        g
        for g, some in enumerate(cues)
        for cue in some
        if cue.replace("{thing}", "").strip().casefold() in folded
    }
    return grades.pop() if len(grades) == 1 else -1


def test_impact_and_deadline_decide_urgency_together() -> None:
    expected = (0, 0, 1, 2, 2)
    checked = 0
    for task in ("urgency", "call_urgency"):
        for row in rows(task, "train", 200, 0):
            impact, deadline = points(row["text"], IMPACT), points(row["text"], DEADLINE)
            if min(impact, deadline) >= 0:
                assert row["label"] == URGENCIES[expected[impact + deadline]]
                checked += 1
    assert checked > 200


def test_titles_name_a_product_of_the_message_and_a_known_problem() -> None:
    for row in rows("titles", "train", 200, 0):
        product, problem = row["completion"].split(": ")
        assert problem in SYMPTOMS
        assert sorted(product) in [sorted(word.strip(".")) for word in row["prompt"].split()]


def test_a_solved_problem_does_not_decide_the_queue() -> None:
    solved = [row for row in rows("queue", "train", 400, 0) if "solved" in row["text"]]
    assert len(solved) > 20
    assert {row["label"] for row in solved} == {"cards", "payments", "loans", "login", "delivery", "returns"}
