"""``mixologist report``: one run, several, and what is no run."""

import json
import shutil

from tests.cli.conftest import Cli, Place


def test_one_run_into_its_folder(place: Place, cli: Cli) -> None:
    shutil.copytree(place.finished, place.run)
    (place.run / "report.html").unlink()  # train wrote one
    told = cli("report", place.run, "--json")
    assert (told.status, told.err) == (0, "")
    assert told.json == {"report": str(place.run / "report.html")}
    assert "Complete." in (place.run / "report.html").read_text()
    assert cli("report", place.run, "--out", "mine.html").out == "Report: mine.html\n"
    assert (place.folder / "mine.html").exists()


def test_several_runs_side_by_side(place: Place, cli: Cli) -> None:
    shutil.copytree(place.finished, place.folder / "other")
    told = cli("report", place.finished, "other")
    assert told.status == 0
    assert "2 of 2 complete." in (place.folder / "report.html").read_text()


def test_evaluate_writes_it_anew(place: Place, cli: Cli) -> None:
    shutil.copytree(place.finished, place.run)
    (place.run / "report.html").write_text("old")
    told = cli("evaluate", place.run)
    assert told.status == 0
    assert f"Report: {place.run / 'report.html'}" in told.out
    assert "Complete." in (place.run / "report.html").read_text()


def test_no_run_and_a_missing_folder(place: Place, cli: Cli) -> None:
    for name in ("data", "nowhere"):
        told = cli("report", name, "--json")
        assert told.status == 2
        assert "no run.json" in told.json["error"]["given"]
    assert (
        json.loads(cli("report", place.finished, "data", "--json").out)["error"]["what"] == "not a run folder"
    )
    assert not (place.folder / "report.html").exists()
