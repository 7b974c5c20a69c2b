"""What can go wrong, as a tree.

    MixologistError          exit 1: it failed while running (disk full, a broken library)
    ├── UserError            exit 2: the input is wrong; says what was given, expected, and what to do
    │   └── UserErrors       exit 2: several of them, found in one pass
    └── Interrupted          exit 130: stopped by the user; the run can be resumed

All of them survive pickling to another process, because a worker's mistake must reach its user whole.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence


class MixologistError(Exception):
    """Base of every error that mixologist raises on purpose."""

    exit_code = 1


class UserError(MixologistError):
    """One mistake in the user's input: ``what`` is wrong, what was ``given``, what was ``expected``, what to ``do``."""

    exit_code = 2

    def __init__(self, what: str, *, given: object = "", expected: str = "", do: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.given = str(given)
        self.expected = expected
        self.do = do

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), self.what, self.given, self.expected, self.do))

    def __str__(self) -> str:
        lines = [self.what]
        lines += [
            f"  {name}: {text}"
            for name, text in (("given", self.given), ("expected", self.expected), ("do", self.do))
            if text
        ]
        return "\n".join(lines)

    def as_json(self) -> dict[str, object]:
        """The fixed shape of an error on stdout with ``--json`` (DESIGN: JSON shapes)."""
        return {"what": self.what, "given": self.given, "expected": self.expected, "do": self.do}


class UserErrors(UserError):  # noqa: N818 - the plural says what it is
    """Several mistakes found in one pass, so that the user mends them in one pass."""

    def __init__(self, problems: Sequence[UserError]) -> None:
        self.problems = tuple(problems)
        first = self.problems[0]
        super().__init__(first.what, given=first.given, expected=first.expected, do=first.do)

    def __reduce__(self) -> tuple[object, ...]:
        return (type(self), (self.problems,))

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)

    def as_json(self) -> dict[str, object]:
        """The first problem in the fixed shape, and beside it all of them."""
        return super().as_json() | {"problems": [problem.as_json() for problem in self.problems]}


class Interrupted(MixologistError):  # noqa: N818 - the user wished it: no error
    """The user stopped the run (Ctrl-C); ``resume`` is the command that continues it."""

    exit_code = 130

    def __init__(self, resume: str) -> None:
        super().__init__(f"interrupted; nothing is lost. Continue with: {resume}")
        self.resume = resume

    def __reduce__(self) -> tuple[object, ...]:
        return (type(self), (self.resume,))


def raise_all(problems: Sequence[UserError]) -> None:
    """Raise nothing for no problem, the problem itself for one, `UserErrors` for several."""
    if len(problems) == 1:
        raise problems[0]
    if problems:
        raise UserErrors(problems)


def nearest(name: str, known: Iterable[str]) -> str:
    """``"did you mean 'x'?"`` for the known name most like ``name``, else the list of known names."""
    names = sorted(known)
    match = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    return f"did you mean '{match[0]}'?" if match else f"known: {', '.join(names)}"


def _rebuild(kind: type[UserError], what: str, given: str, expected: str, do: str) -> UserError:
    return kind(what, given=given, expected=expected, do=do)
