"""The report in a real headless Chromium: no errors, figures seen, nothing overlaps or overflows, keys and contrast.

Needs Chromium, which pip cannot bring: on Debian ``apt-get install chromium`` (or ``chromium-headless-shell``).
``MIXOLOGIST_CHROMIUM`` names another one. Skipped where there is none.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from mixologist.report.html import write_comparison, write_report
from tests.report.made import changed, event, made_run, names

CHROMIUM = os.environ.get("MIXOLOGIST_CHROMIUM") or next(
    filter(None, map(shutil.which, ("chromium", "chromium-headless-shell", "google-chrome"))), None
)
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt-get install chromium"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]
WIDTHS = (390, 1440)
Open = Callable[..., Page]

OVERLAPS = """() => {
  const seen = [...document.querySelectorAll('svg')].filter(svg => svg.checkVisibility());
  const found = [];
  for (const svg of seen) {
    const texts = [...svg.querySelectorAll('text')].map(t => [t.textContent, t.getBoundingClientRect()]);
    texts.forEach(([a, p], i) => texts.slice(i + 1).forEach(([b, q]) => {
      const wide = Math.min(p.right, q.right) - Math.max(p.left, q.left);
      const high = Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top);
      if (wide > 1 && high > 3) found.push(`${svg.getAttribute('aria-label')}: "${a}" over "${b}"`);
    }));
    const box = svg.getBoundingClientRect();
    for (const [a, p] of texts)
      if (p.left < Math.min(box.left, 0) - 1 || p.left < box.left - 4 || p.right > box.right + 4)
        found.push(`${svg.getAttribute('aria-label')}: "${a}" leaves its figure`);
  }
  return found;
}"""
STACKED = """() => {
  const found = [];
  for (const section of document.querySelectorAll('section')) {
    const blocks = [...section.children].filter(e => e.checkVisibility()).map(e => e.getBoundingClientRect());
    blocks.slice(1).forEach((b, i) => {
      if (b.top < blocks[i].bottom - 1) found.push(`${section.id}: block ${i + 1}`);
    });
  }
  return found;
}"""
SMALLEST = """() => Math.min(...[...document.querySelectorAll('svg text')].filter(t => t.checkVisibility())
  .map(t => t.getBoundingClientRect().height))"""
CONTRASTS = """() => {
  const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const rgb = colour => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map(v => v / 255).map(v => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
    return .2126 * x + .7152 * y + .0722 * z;
  };
  const behind = e => {
    for (; e; e = e.parentElement) {
      const colour = rgb(getComputedStyle(e).backgroundColor);
      if (colour[3] === 255) return colour;
    }
    return rgb('white');
  };
  const ratio = (a, b) => (Math.max(light(a), light(b)) + .05) / (Math.min(light(a), light(b)) + .05);
  const found = {};
  for (const e of document.querySelectorAll('body *')) {
    const own = [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
    if (!own || !e.checkVisibility()) continue;
    const style = getComputedStyle(e);
    const colour = rgb(e instanceof SVGElement ? style.fill : style.color);
    let back = behind(e);
    for (const cell of e.closest('svg')?.querySelectorAll('path') ?? []) {
      const p = cell.getBoundingClientRect(), q = e.getBoundingClientRect();
      const inside = p.left <= q.left && p.right >= q.right && p.top <= q.top && p.bottom >= q.bottom;
      const fill = getComputedStyle(cell);
      if (inside && fill.fill !== 'none') {
        const over = rgb(fill.fill), share = parseFloat(fill.opacity);
        back = back.map((v, i) => share * over[i] + (1 - share) * v);
      }
    }
    const key = `${e.tagName} ${e.className?.baseVal ?? e.className} ${style.color}`;
    found[key] = Math.min(found[key] ?? 99, ratio(colour, back));
  }
  return found;
}"""


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Name -> report: few tasks, one, fifty, a failed run, several runs."""
    place = tmp_path_factory.mktemp("pages")
    runs = {
        name: made_run(place / name, names(count))
        for name, count in {"five": 5, "one": 1, "fifty": 50}.items()
    }
    failed = made_run(place / "failed", names(3), status="training")
    runs["failed"] = changed(failed, history=[event("failed", "training", "no space left on device")])
    resumed = made_run(place / "resumed", names(2))
    story = [event("began", "preparing"), event("interrupted", "training"), event("resumed", "training")]
    runs["resumed"] = changed(resumed, history=[*story, event("complete", "evaluating")])
    found = {name: write_report(run) for name, run in runs.items()}
    return found | {"several": write_comparison(list(runs.values()), place / "several.html")}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def visit(browser: Browser, pages: dict[str, Path]) -> Iterator[Open]:
    """Open a report; whatever the browser complains of or asks the network for fails the test."""
    complaints: list[str] = []
    contexts = []

    def visit(name: str, width: int = 1440, scheme: Any = "light", unfold: bool = True) -> Page:
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "request",
            lambda request: complaints.append(request.url) if "file:" not in request.url[:5] else None,
        )
        page.goto(pages[name].as_uri())
        if unfold:
            page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
        return page

    yield visit
    for context in contexts:
        context.close()
    assert [one for one in complaints if not one.startswith("data:")] == []


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", ["five", "one", "fifty", "failed", "resumed", "several"])
def test_nothing_overlaps_and_nothing_overflows(name: str, width: int, visit: Open) -> None:
    page = visit(name, width)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert page.evaluate(OVERLAPS) == []
    assert page.evaluate(STACKED) == []
    if page.locator("svg:visible").count():
        assert page.evaluate(SMALLEST) > 8


@pytest.mark.parametrize(("width", "shown", "hidden"), [(390, "narrow", "wide"), (1440, "wide", "narrow")])
def test_figures_are_seen_once_with_ink_in_them(width: int, shown: str, hidden: str, visit: Open) -> None:
    page = visit("five", width)
    assert page.locator(f".{shown} svg:visible").count() == 8
    assert page.locator(f".{hidden} svg:visible").count() == 0
    assert page.locator(".panel svg:visible").count() == 5
    for svg in page.locator("svg:visible").all():
        box = svg.bounding_box()
        assert box
        assert box["width"] > 100
        assert box["height"] > 40
        assert svg.locator("path").count() > 2


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["five", "failed"])
def test_text_stands_out(name: str, scheme: str, visit: Open) -> None:
    ratios = visit(name, 1440, scheme).evaluate(CONTRASTS)
    assert len(ratios) > 10
    assert {what: round(ratio, 1) for what, ratio in ratios.items() if ratio < 4.5} == {}


def test_light_and_dark_differ(visit: Open) -> None:
    grounds = [
        visit("five", 1440, scheme).evaluate("getComputedStyle(document.body).backgroundColor")
        for scheme in ("light", "dark")
    ]
    assert grounds == ["rgb(252, 252, 250)", "rgb(20, 23, 26)"]


def test_the_keyboard_reaches_everything(visit: Open) -> None:
    page = visit("five", 390, unfold=False)
    wanted = page.locator("a:visible, summary:visible, [tabindex='0']:visible").count()
    reached = []
    for _ in range(wanted + 1):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.outerHTML.slice(0, 80)"))
    assert len(set(reached)) >= wanted
    page.locator("summary").nth(1).focus()
    page.keyboard.press("Enter")
    assert page.locator("details").nth(1).get_attribute("open") is not None
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_headings_and_landmarks_are_in_order(visit: Open) -> None:
    page = visit("fifty")
    levels = [
        int(level[1])
        for level in page.evaluate("[...document.querySelectorAll('h1,h2,h3')].map(h => h.tagName)")
    ]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert [page.locator(mark).count() for mark in ("header", "nav", "main", "footer")] == [1, 1, 1, 1]
