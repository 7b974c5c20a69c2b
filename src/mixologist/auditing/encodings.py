"""The bytes of text files: encoding, byte order mark, line ends. Read line by line; a file is never held."""

from __future__ import annotations

import codecs
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from mixologist.tasks.inspection import LOADERS
from mixologist.tasks.sources import data_files

Note = Callable[[str, str, int], None]
"""Told kind, place and count."""

UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def readable(path: Path, scratch: Path, note: Note, beside: Sequence[Path] = ()) -> Path:
    """The same data in UTF-8: the path itself where it is, else a folder (or file) in ``scratch``.

    Files that are sound already are linked, so that only broken ones cost space. ``beside``: other files of the data,
    in the same folder.

    Raises `UserError` where there is no such data.
    """
    files = [*(file for split in data_files(path).values() for file in split), *beside]
    broken = [
        file
        for file in files
        if LOADERS.get(file.suffix.lower()) in ("json", "csv") and not _sound(file, note)
    ]
    if not broken:
        return path
    for file in files:
        if file in broken:
            with (scratch / file.name).open("w", encoding="utf-8", newline="") as copy:
                copy.writelines(_decoded(file))
        else:
            os.symlink(file.absolute(), scratch / file.name)
    return scratch if path.is_dir() else scratch / path.name


def _sound(path: Path, note: Note) -> bool:
    """Whether all lines are UTF-8; notes what else there is to say."""
    wrong, line_ends = list[int](), {"\n": 0, "\r\n": 0}
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if number == 1 and line.startswith((codecs.BOM_UTF8, *UTF_16)):
                note("byte_order_mark", path.name, 1)
            if number == 1 and line.startswith(UTF_16):
                note("not_utf8", f"{path.name}, in UTF-16", 1)
                return False
            line_ends["\r\n" if line.endswith(b"\r\n") else "\n"] += line.endswith(b"\n")
            if not _is_utf8(line):
                note("not_utf8", f"{path.name}, line {number}", 1)
                wrong.append(number)
    if all(line_ends.values()):
        note("mixed_newlines", path.name, 1)
    return not wrong


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _decoded(path: Path) -> Iterator[str]:
    """Line by line, since files are pasted together: UTF-8, else Windows-1252, else Latin-1, which bears all bytes."""
    with path.open("rb") as file:
        wide = file.read(2) in UTF_16
    if wide:
        with path.open(encoding="utf-16", newline="") as text:
            yield from text
        return
    with path.open("rb") as file:
        for number, line in enumerate(file):
            for encoding in ("utf-8" if number else "utf-8-sig", "cp1252", "latin-1"):
                try:
                    yield line.decode(encoding)
                    break
                except UnicodeDecodeError:
                    continue
