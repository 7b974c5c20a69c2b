from pathlib import Path

from mixologist.auditing.kinds import KINDS, MOST_SHOWN, Findings

PAGE = Path(__file__).parents[2] / "docs" / "audit.md"


def test_the_page_has_every_kind() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for name, kind in KINDS.items():
        assert f"| `{name}` | {kind.says} | {kind.fix or 'left'} | {'yes' if kind.stops else ''} |\n" in page


def test_all_are_counted_and_few_are_named() -> None:
    found = Findings()
    for number in range(100):
        found.note("duplicate", f"train row {number}")
    found.note("leak", "train row 1")
    assert [kind for kind, _ in found.ordered()] == ["leak", "duplicate"]
    assert (found["duplicate"].count, len(found["duplicate"].places)) == (100, MOST_SHOWN)
    assert found.stopping == [f"1 {KINDS['leak'].says}"]
