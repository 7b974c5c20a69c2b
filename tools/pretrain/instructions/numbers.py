"""Made-up figures and questions on them: read from a table or a sentence, compared, added, taken apart."""

from __future__ import annotations

from collections.abc import Callable

from mixologist.demo.draw import Draw
from mixologist.records import Example
from tools.pretrain.instructions.lists import read
from tools.pretrain.instructions.market import company
from tools.pretrain.instructions.shapes import choose, number, numbers, write

ITEMS: list[str] = read("market")["items"]
UNITS = ("in millions", "in thousands", "millions of dollars", "EUR million", "")
Table = list[list[str]]
LOOKUPS = (
    "What was the figure for {i} in {y}?", "How much was {i} in {y}?", "{i} in {y}?", "What is the {y} figure for {i}?",
    "What amount of {i} is given for {y}?", "Give {i} of {y}.",
)  # fmt: skip


def figure(draw: Draw) -> float:
    """A number as reports have it, small ones often."""
    kind = draw.below(4)
    if kind == 0:
        return float(draw.between(1, 99))
    if kind == 1:
        return float(draw.between(100, 9999))
    return draw.between(10, 9999) / 10 if kind == 2 else float(10 * draw.between(1, 99))


def shown(value: float) -> str:
    """With thousands' commas, without a needless fraction."""
    return f"{value:,.1f}" if value % 1 else f"{int(value):,}"


def plain(value: float) -> float:
    """Without the noise of binary fractions."""
    return round(value, 6)


class Report:
    """A small table of items by year, and its figures: ``cells[item, year]``."""

    def __init__(self, draw: Draw) -> None:
        last = draw.between(1996, 2024)
        self.years = [last - i for i in range(draw.between(2, 3))]
        self.items = draw.some(ITEMS, draw.between(1, 5))
        self.cells = {(item, year): figure(draw) for item in self.items for year in self.years}
        money = draw.one(("{}", "{}", "${}", "$ {}"))
        head = [draw.one(UNITS), *map(str, self.years)]
        rows = (
            [item, *(money.format(shown(self.cells[item, y])) for y in self.years)] for item in self.items
        )
        self.table: Table = [head, *rows]

    def question(self, draw: Draw) -> tuple[str, float | str]:
        """A question on one item, mostly a lookup, and its answer."""
        item, (later, earlier) = draw.one(self.items), self.years[:2]
        a, b = self.cells[item, later], self.cells[item, earlier]
        kind = draw.between(-5, 9)  # lookups most of all: a small model can learn them
        if kind < 4:
            year = draw.one(self.years)
            asked = draw.one(LOOKUPS)
            return asked.format(i=item, y=year), self.cells[item, year]
        if kind == 4:
            return _larger(draw, item, (a, later), (b, earlier))
        if kind == 5:
            return f"What was the change in {item} from {earlier} to {later}?", plain(a - b)
        if kind == 6:
            return f"What was the total {item} of {earlier} and {later}?", plain(a + b)
        if kind == 7:
            return f"What was the average {item} of {earlier} and {later}?", plain((a + b) / 2)
        if kind == 8:
            return f"By what ratio did {item} change from {earlier} to {later}?", (a - b) / b
        return f"What is {item} of {later} as a share of {item} of {earlier}?", a / b


def table(draw: Draw) -> Example:
    """A question on a table, sometimes with a sentence beside it."""
    report = Report(draw)
    asked, answer = report.question(draw)
    beside = f"The table shows figures of {company(draw)}." if draw.chance(0.3) else ""
    return number(draw, asked, answer, beside, report.table)


def talk(draw: Draw) -> list[Example]:
    """Two to four questions on one table, asked in turn."""
    report = Report(draw)
    asked = [report.question(draw) for _ in range(draw.between(2, 4))]
    return numbers(draw, [question for question, _ in asked], [answer for _, answer in asked], report.table)


def told(draw: Draw) -> Example:
    """A sentence with two figures and a question on them."""
    item, name, year = draw.one(ITEMS), company(draw), draw.between(1996, 2024)
    a, b = figure(draw), figure(draw)
    context = draw.one((
        "{n} had {i} of {b} million in {x} and of {a} million in {y}.",
        "{i} at {n} came to {a} million in {y}, after {b} million in {x}.",
        "In {y} {n} reported {i} of {a} million ({x}: {b} million).",
        "{i} of {n}: {b} million ({x}), {a} million ({y}).",
    )).format(n=name, i=item, a=shown(a), b=shown(b), y=year, x=year - 1)  # fmt: skip
    kind = draw.below(6)
    if kind < 3:
        value, when = draw.one(((a, year), (b, year - 1)))
        return number(draw, draw.one(LOOKUPS).format(i=item, y=when), value, context)
    if kind == 3:
        return number(draw, *_larger(draw, item, (a, year), (b, year - 1)), context)
    if kind == 4:
        return number(draw, f"What was the difference in {item}?", plain(abs(a - b)), context)
    return number(draw, f"What was the growth of {item} as a ratio?", (a - b) / b, context)


def bare(draw: Draw) -> Example:
    """Small arithmetic."""
    a, b = draw.between(0, draw.one((9, 20, 99, 999))), draw.between(1, draw.one((9, 9, 20, 99)))
    sign, answer = draw.one((("+", a + b), ("-", a - b), ("*", a * b if max(a, b) < 13 else a + b), ("/", a)))
    if sign == "*" and max(a, b) >= 13:
        sign = "+"
    left = a * b if sign == "/" else a
    asked = draw.one(("{} {} {} =", "What is {} {} {}?", "Compute {} {} {}.", "{} {} {}"))
    return number(draw, asked.format(left, sign, b), answer)


def extreme(draw: Draw) -> Example:
    """The largest, smallest, first or last of some numbers, or how many they are."""
    values = draw.some(range(1, 1000), draw.between(2, 7))
    kind, answer = draw.one((
        ("largest", max(values)), ("smallest", min(values)), ("last", values[-1]), ("first", values[0]),
        ("count", len(values)),
    ))  # fmt: skip
    asked = "How many numbers are there?" if kind == "count" else f"What is the {kind} number?"
    return number(draw, asked, answer, draw.one((", ", " ", "; ", "\n")).join(map(str, values)))


def ordered(draw: Draw) -> Example:
    """Sort a few numbers."""
    values = draw.some(range(1, 500), draw.between(3, 5))
    down = draw.chance(0.3)
    asked = draw.one(("Sort the numbers.", "Put these in order, smallest first."))
    asked = "Sort the numbers, largest first." if down else asked
    return write(draw, asked, ", ".join(map(str, values)), ", ".join(map(str, sorted(values, reverse=down))))


def which(draw: Draw) -> Example | None:
    """Which item of a table has a certain figure, or the largest: the answer is a name."""
    report = Report(draw)
    column = {item: report.cells[item, report.years[0]] for item in report.items}
    if len(set(column.values())) < max(2, len(column)):
        return None
    rows = "\n".join(f"{item} | {shown(value)}" for item, value in column.items())
    if draw.chance(0.5):
        right = max(column, key=lambda item: column[item])
        asked = draw.one(("Which item is the largest?", "Where is the highest figure?"))
    else:
        right = draw.one(report.items)
        asked = draw.one(("Which item stands at {}?", "To which line does {} belong?")).format(
            shown(column[right])
        )
    return choose(draw, rows, right, report.items, asked)


def _larger(draw: Draw, item: str, first: tuple[float, int], second: tuple[float, int]) -> tuple[str, str]:
    """Yes or no: was the first figure above (or below) the second?"""
    (a, later), (b, earlier) = first, second
    higher = f"Is the figure for {item} higher in {later} than in {earlier}?"
    asked, true = draw.one(((higher, a > b), (f"Did {item} fall from {earlier} to {later}?", a < b)))
    return asked, "yes" if true else "no"


MAKERS: tuple[tuple[Callable[[Draw], Example | None], float], ...] = (
    (table, 3.0), (told, 2.0), (bare, 1.5), (extreme, 1.0), (ordered, 0.4), (which, 0.8),
)  # fmt: skip
