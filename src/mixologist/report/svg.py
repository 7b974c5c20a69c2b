"""A matplotlib figure as inline SVG: text stays text, colours are variables of the page, ids do not clash.

Each figure is drawn twice, for a desk and for a phone, at its own size: scaled down, its text could not be read. CSS
shows one of the two; a screen reader meets only that one.
"""

from __future__ import annotations

import io
import re
import warnings
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.font_manager import findfont
from matplotlib.ft2font import FT2Font

WIDE, NARROW = 820, 340
"""Widths of the two drawings, in CSS pixels."""
FONT = "DejaVu Sans"
"""What is measured with: matplotlib brings it along. Readers see the page's font."""
MISSING = "Glyph .* missing from font"
"""A warning that we ignore: the reader's own font may have the letter."""
TEXT = 12
"""Size of all text in figures, in CSS pixels."""
MOST_LETTERS = 15
"""Of a row's label on a phone."""

_NAMES = (
    *("ink", "muted", "line", "surface", "accent", "helped", "hurt", "unclear"),
    *(f"series-{number}" for number in range(8)),
)
COLOURS = {name: f"#0a0b{number:02x}" for number, name in enumerate(_NAMES)}
"""Variable of the page's style -> the colour that stands for it inside matplotlib."""
_VARIABLES = {value: f"var(--{name})" for name, value in COLOURS.items()}

_SVG, _XLINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
_HREF = f"{{{_XLINK}}}href"
_SETTINGS: Any = {
    "svg.fonttype": "none", "svg.hashsalt": "mixologist", "text.parse_math": False, "axes.unicode_minus": True,
    "font.size": TEXT, "font.family": FONT, "axes.spines.top": False, "axes.spines.right": False,
    "axes.spines.left": False, "axes.edgecolor": COLOURS["line"], "axes.linewidth": 1, "axes.axisbelow": True,
    "text.color": COLOURS["ink"], "xtick.color": COLOURS["line"], "ytick.color": COLOURS["line"],
    "xtick.labelcolor": COLOURS["muted"], "ytick.labelcolor": COLOURS["ink"], "axes.labelcolor": COLOURS["muted"],
    "xtick.major.size": 0, "ytick.major.size": 0, "xtick.major.pad": 5, "ytick.major.pad": 8,
    "grid.color": COLOURS["line"], "grid.linewidth": 1, "figure.dpi": 72,
}  # fmt: skip

ET.register_namespace("", _SVG)
ET.register_namespace("xlink", _XLINK)


@dataclass(frozen=True)
class Drawing:
    """One figure as SVG for wide and for narrow screens."""

    wide: str
    narrow: str


@dataclass(frozen=True)
class Sheet:
    """Where a figure is drawn; all lengths in CSS pixels."""

    width: int
    figure: Figure

    @property
    def narrow(self) -> bool:
        """Whether this is the drawing for a phone."""
        return self.width < WIDE

    def axes(self, height: float, *, left: float, right: float, top: float, bottom: float) -> Axes:
        """The only axes of the figure, with these margins around an area of this height."""
        total = height + top + bottom
        self.figure.set_size_inches(self.width / 72, total / 72)
        place = (left / self.width, bottom / total, (self.width - left - right) / self.width, height / total)
        return self.figure.add_axes(place)

    def clip(self, name: str) -> str:
        """A label that leaves room for the figure."""
        return clip(name, MOST_LETTERS if self.narrow else 2 * MOST_LETTERS)


def clip(name: str, most: int) -> str:
    """A name of at most so many letters; its middle goes, since names differ at their ends."""
    half = (most - 1) // 2
    return name if len(name) <= most else f"{name[: most - 1 - half]}…{name[-half:]}"


def width_of(text: str) -> float:
    """CSS pixels that a text of a figure takes in DejaVu Sans, which is wider than what most machines show it in."""
    font = _font()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", MISSING)
        font.set_text(text)
    return float(font.get_width_height()[0]) / 64


@lru_cache(maxsize=1)
def _font() -> FT2Font:
    font = FT2Font(findfont(FONT))
    font.set_size(TEXT, 72)
    return font


def draw(name: str, about: str, paint: Callable[[Sheet], None]) -> Drawing:
    """Paint a figure at both widths; ``about`` is what a screen reader says of it."""
    return Drawing(*(drawn(f"{name}-{width}", about, width, paint) for width in (WIDE, NARROW)))


def drawn(name: str, about: str, width: int, paint: Callable[[Sheet], None]) -> str:
    """Paint a figure at one width. ``name`` must differ between the figures of a page."""
    with mpl.rc_context(_SETTINGS), warnings.catch_warnings():
        warnings.filterwarnings("ignore", MISSING)
        figure = Figure()
        FigureCanvasSVG(figure)
        paint(Sheet(width, figure))
        figure.patch.set_visible(False)
        for axes in figure.axes:
            axes.patch.set_visible(False)
        file = io.StringIO()
        figure.savefig(file, format="svg", metadata={"Date": None})
    return _inline(file.getvalue(), name, about)


def _inline(text: str, name: str, about: str) -> str:
    root = ET.fromstring(text)
    for tag in ("metadata", "defs"):
        for child in root.findall(f"{{{_SVG}}}{tag}"):
            root.remove(child)  # a style for everything, which would leak into the page, and areas to clip to
    used = set(re.findall(r'href="#([^"]+)"', text))
    for element in root.iter():
        _rename(element, name, used)
        if style := element.get("style"):
            element.set("style", _style(style))
    width = root.attrib.pop("width").removesuffix("pt")
    root.attrib.pop("height")
    root.attrib.update({"role": "img", "aria-label": about, "style": f"max-width: {float(width):g}px"})
    return ET.tostring(root, encoding="unicode")


def _rename(element: ET.Element, name: str, used: set[str]) -> None:
    if (id := element.attrib.pop("id", None)) in used:
        element.set("id", f"{name}-{id}")
    element.attrib.pop("clip-path", None)  # figures keep inside their axes
    if href := element.get(_HREF):
        element.set(_HREF, href.replace("#", f"#{name}-", 1))


def _style(style: str) -> str:
    """Colours as variables; the font's size alone, since its family is the page's."""
    kept = []
    for part in style.split(";"):
        key, _, value = (piece.strip() for piece in part.partition(":"))
        if key == "font":
            sized = re.search(r"[\d.]+px", value)
            kept.append(f"font-size: {sized[0] if sized else f'{TEXT}px'}")
        elif key and key != "font-family":
            kept.append(f"{key}: {_VARIABLES.get(value, value)}")
    return "; ".join(kept)
