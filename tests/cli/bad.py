"""What every kind of bad input must come to: one message with place and next step, the status, nothing written."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.cli.conftest import Cli, Place


@dataclass(frozen=True)
class Bad:
    """A call that must fail."""

    words: list[str]
    says: tuple[str, ...]
    """Parts of the message: what is wrong, its place, the next step."""
    status: int


Kind = Callable[[Place], Bad]
"""Makes one kind of bad input."""


class Kinds(list[Kind]):
    """All kinds of a file; a decorator that takes them in."""

    def __call__(self, kind: Kind) -> Kind:
        self.append(kind)
        return kind


def bad(verb: str, *words: object, says: tuple[str, ...], status: int = 2) -> Bad:
    """A call, and what its message must say."""
    return Bad([verb, *map(str, words)], says, status)


def check(kind: Kind, place: Place, cli: Cli) -> None:
    """Call it as a person would, then (all verbs but ``chat`` know it) with ``--json``."""
    wrong = kind(place)
    before = place.files()
    told = cli(*wrong.words)
    assert (told.status, told.out) == (wrong.status, ""), told
    assert told.err.count("error: ") == 1
    _check_says(wrong, told.err)
    if wrong.words[0] != "chat":
        _check_json(wrong, cli)
    assert place.files() == before


def _check_json(wrong: Bad, cli: Cli) -> None:
    told = cli(*wrong.words, "--json")
    assert told.status == wrong.status
    error = told.json["error"]
    problems = error.get("problems", [error])
    for problem in (error, *problems):
        assert {"what", "given", "expected", "do"} <= problem.keys()
        assert problem["do"] or wrong.status == 1, "a user must be told what to do next"
    _check_says(wrong, "\n".join(text for problem in problems for text in problem.values()))
    assert "error: " not in told.err


def _check_says(wrong: Bad, text: str) -> None:
    assert "Traceback" not in text
    for part in wrong.says:
        assert part in text, text
