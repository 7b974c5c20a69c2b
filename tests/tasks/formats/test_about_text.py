import pytest

from mixologist.errors import UserError
from mixologist.tasks.formats.classification import Classification

COLUMNS = {"text": "claim", "context": "contract", "label": "label", "evidence": "evidence"}
NLI = Classification(COLUMNS, "macro_f1", ("no", "yes"), "True?")
ROW = {"claim": "A pays.", "contract": "A pays B. B rests.", "label": "yes", "evidence": ["A pays B."]}


def test_the_context_stands_before_the_text_and_may_be_shortened() -> None:
    example = NLI.example(ROW, 0, task="t", id="train/0")
    assert example.messages[0]["content"].endswith("\n\nA pays B. B rests.\n\nA pays.")
    assert (example.context, example.text) == ("A pays B. B rests.", "A pays B. B rests.\n\nA pays.")
    assert example.evidence == ("A pays B.",)


def test_context_and_evidence_may_be_missing() -> None:
    example = NLI.example({**ROW, "contract": None, "evidence": []}, 0, task="t", id="train/0")
    assert (example.context, example.text, example.evidence) == ("", "A pays.", ())


@pytest.mark.parametrize("evidence", ["A pays B.", [3], {"spans": []}])
def test_evidence_is_a_list_of_texts(evidence: object) -> None:
    with pytest.raises(UserError, match="wrong 'evidence'"):
        NLI.example({**ROW, "evidence": evidence}, 0, task="t", id="train/0")
