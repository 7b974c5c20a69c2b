"""From a path to rows on disk: a file per split (in a folder, or named alike), one file, or a data set of the hub.

Rows stay memory-mapped Arrow tables (Hugging Face datasets), so that a million of them need no memory.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import datasets

from mixologist import files
from mixologist.errors import MixologistError, UserError, nearest, raise_all
from mixologist.recipe.schema import Join
from mixologist.tasks import inspection, joining
from mixologist.tasks.inspection import LOADERS

SPLITS = ("train", "validation", "test")
SMALL_BYTES = 100_000_000
"""Files below this load without a progress bar."""

MOST_NAMES = 20
"""Names in a folder that a message lists."""

_SPLIT_NAME = re.compile(r"(train|training|validation|valid|val|dev|test)(?![a-z])", re.IGNORECASE)
_ALIASES = {"training": "train", "valid": "validation", "val": "validation", "dev": "validation"}
_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+(/[\w.-]+)?")

Splits = dict[str, Any]
"""Split -> `datasets.Dataset`."""


def open_source(path: str, join: Join | None = None) -> Splits:
    """The splits of a data set: ``train`` and, where they exist, ``validation`` and ``test``.

    Args:
        path: a folder with ``train*``, ``valid*`` (``val*``, ``dev*``) and ``test*`` files, or with one
            file; a file (.jsonl, .json, .csv, .tsv, .parquet), which is train; what the names of a file per split
            begin with (``data/faq`` for ``data/faq_train.csv``); a hub id ``owner/name``, or
            ``owner/name/configuration``.
        join: a side file whose columns the rows have, too.

    Raises:
        UserError: there is no such path, no train split, a file cannot be read (place and next step), or the side
            file does not fit.
        UserErrors: several files cannot be read.
    """
    splits = _from_files(data_files(Path(path))) if is_local(path) else _from_hub(path)
    if join is None:
        return splits
    file = side_file(path, join)
    return joining.join(splits, _load([file]), file, join.on)


def digests(path: str, splits: Mapping[str, Any], join: Join | None = None) -> dict[str, str]:
    """Split -> SHA-256 of its files' contents; for a hub data set the fingerprint that datasets gives it.

    A side file stands beside the splits under its name.
    """
    side = {join.file: files.digest(side_file(path, join))} if join else {}
    if not is_local(path):
        return {split: str(rows._fingerprint) for split, rows in splits.items()} | side
    found = data_files(Path(path))
    return {split: "+".join(files.digest(file) for file in found[split]) for split in splits} | side


def side_file(path: str, join: Join) -> Path:
    """Where the side file lies. Raises `UserError` where it does not."""
    folder = Path(path) if Path(path).is_dir() else Path(path).parent
    file = folder / join.file
    if not file.is_file():
        beside = [other.name for other in folder.glob("*") if other.is_file()]
        raise UserError(
            f"no file {file} to join",
            given=f"join.file: {join.file}",
            expected="a file beside the data's own",
            do=nearest(join.file, beside) if beside else f"put it into {folder}",
        )
    return file


def data_files(path: Path) -> dict[str, list[Path]]:
    """Split -> its files, sorted by name. Raises `UserError` where there is no train file."""
    if path.is_file():
        return {"train": [path]}
    begin = "" if path.is_dir() else path.name
    folder = path if path.is_dir() else path.parent
    present = sorted(file for file in folder.glob("*") if file.is_file() and file.suffix.lower() in LOADERS)
    found: dict[str, list[Path]] = {}
    for file in present:
        if split := split_of(file.name, begin):
            found.setdefault(split, []).append(file)
    if begin and not found:
        raise _no_such_path(path)
    if not found and len(present) == 1:
        return {"train": present}
    if "train" not in found:
        raise _no_train(path, present)
    return {split: found[split] for split in SPLITS if split in found}


def split_of(name: str, begin: str = "") -> str | None:
    """The split that a file is named for: ``dev.csv``; ``faq_dev.csv`` where names begin with ``faq``."""
    if begin and (not name.startswith(begin) or name[len(begin) : len(begin) + 1] not in tuple("-_. ")):
        return None
    match = _SPLIT_NAME.match(name[len(begin) + 1 :] if begin else name)
    return _ALIASES.get(match[1].lower(), match[1].lower()) if match else None


def is_local(path: str) -> bool:
    """A path of this machine: one that exists, or whose first folder does, or that can be no hub id."""
    here = Path(path)
    return here.exists() or here.parent.is_dir() or not _HUB_ID.fullmatch(path) or here.suffix in LOADERS


def _from_files(found: dict[str, list[Path]]) -> Splits:
    splits: Splits = {}
    problems: list[UserError] = []
    for split, paths in found.items():
        try:
            splits[split] = _load(paths)
        except UserError as problem:
            problems.append(problem)
    raise_all(problems)
    return splits


def _load(paths: list[Path]) -> Any:
    """The rows of one split's files. Each split loads alone, so that they may differ in columns and types."""
    suffixes = {path.suffix.lower() for path in paths}
    if len(suffixes) > 1:
        raise UserError(
            f"{paths[0].parent}: one split in files of several kinds",
            given=", ".join(path.name for path in paths),
            expected="files with the same ending",
            do="remove or rename those that do not belong to the split",
        )
    try:
        options = {**inspection.inspect(paths), "name": _called(paths)}
        with _quiet(sum(path.stat().st_size for path in paths) < SMALL_BYTES):
            return _faithful(_read(paths, **options), paths, options["name"])
    except (datasets.exceptions.DatasetsError, OSError, ValueError) as error:
        raise _explained(paths, error) from error


def _called(paths: list[Path]) -> str:
    """What datasets shall keep the rows under: their content. It would go by path and date, which copies keep."""
    return hashlib.sha256("".join(files.digest(path) for path in paths).encode()).hexdigest()[:16]


def _read(paths: list[Path], **options: Any) -> Any:
    loader = LOADERS[paths[0].suffix.lower()]
    return datasets.load_dataset(loader, data_files=[str(path) for path in paths], split="train", **options)


def _faithful(rows: Any, paths: list[Path], name: str) -> Any:
    """The rows with texts as written: JSON dates are not reformatted, and class numbers get their names."""
    if LOADERS[paths[0].suffix.lower()] == "json":
        features = _without_dates(rows.features)
        rows = (
            rows
            if features == rows.features
            else _read(paths, features=datasets.Features(features), name=name)
        )
    return _named_classes(rows)


def _without_dates(feature: Any) -> Any:
    """The type with ``Json`` where Arrow saw a timestamp: it would rewrite the text ``2024-01-31``."""
    if isinstance(feature, dict):
        return {name: _without_dates(part) for name, part in feature.items()}
    if isinstance(feature, datasets.List):
        return datasets.List(_without_dates(feature.feature))
    is_date = isinstance(feature, datasets.Value) and feature.dtype.startswith("timestamp")
    return datasets.Json() if is_date else feature


def _named_classes(rows: Any) -> Any:
    """Class numbers replaced by the names that the file or the hub gives them."""
    for column, feature in rows.features.items():
        inner = feature.feature if isinstance(feature, datasets.List) else feature
        if isinstance(inner, datasets.ClassLabel):
            text = datasets.Value("string")
            features = {**rows.features, column: datasets.List(text) if inner is not feature else text}
            names = {"column": column, "names": inner.names}
            rows = rows.map(_name_classes, fn_kwargs=names, features=datasets.Features(features))
    return rows


def _name_classes(row: dict[str, Any], column: str, names: list[str]) -> dict[str, Any]:
    """Numbers outside the names (-1: the answer is withheld) become empty."""

    def name(number: int | None) -> str | None:
        return names[number] if number is not None and 0 <= number < len(names) else None

    value = row[column]
    return {column: [name(number) for number in value] if isinstance(value, list) else name(value)}


def _from_hub(path: str) -> Splits:
    owner, name, *configuration = path.split("/")
    try:
        with _quiet(False):
            loaded = datasets.load_dataset(f"{owner}/{name}", *configuration)
            named = {_ALIASES.get(split, split): _named_classes(rows) for split, rows in loaded.items()}
    except (OSError, ValueError, RuntimeError, datasets.exceptions.DatasetsError) as error:
        raise UserError(
            f"no data at '{path}'",
            given=f"neither a file or folder here, nor to be had from the hub: {_first_line(error)}",
            expected="a path that exists, or a data set's hub id: owner/name or owner/name/configuration",
            do="check the path, or be online; for a card, set MIXOLOGIST_DATA to a folder with local copies",
        ) from error
    if "train" not in named:
        raise UserError(
            f"'{path}' has no train split", given=", ".join(named), expected="a split named train"
        )
    return {split: named[split] for split in SPLITS if split in named}


@contextmanager
def _quiet(silent: bool) -> Iterator[None]:
    """Keep datasets from logging what we report ourselves and, where ``silent``, from drawing bars."""
    level, hidden = datasets.logging.get_verbosity(), datasets.are_progress_bars_disabled()
    datasets.logging.set_verbosity(datasets.logging.CRITICAL)
    if silent:
        datasets.disable_progress_bars()
    try:
        yield
    finally:
        datasets.logging.set_verbosity(level)
        if not hidden:
            datasets.enable_progress_bars()


def _explained(paths: list[Path], error: Exception) -> MixologistError:
    """The mistake in the file; but trouble with the machine (disk full, no rights) is not the user's."""
    cause = error.__cause__ or error
    if isinstance(cause, OSError):
        return MixologistError(f"{paths[0]} could not be read: {_first_line(cause)}")
    return inspection.diagnose(paths) or UserError(
        f"{paths[0]} could not be read",
        given=_first_line(cause),
        expected=f"a sound {paths[0].suffix} file",
        do="write the file again, or convert it to .jsonl",
    )


def _no_such_path(path: Path) -> UserError:
    whole = Path(os.path.abspath(path))
    folder = next(parent for parent in whole.parents if parent.is_dir())
    beside = sorted(file.name for file in folder.iterdir() if not file.name.startswith("."))
    told = nearest(whole.relative_to(folder).parts[0], beside)
    if "?" not in told and len(beside) > MOST_NAMES:
        told = f"known: {', '.join(beside[:MOST_NAMES])} and {len(beside) - MOST_NAMES} more"
    return UserError(
        f"no file or folder {path}",
        given=path,
        expected="a data file, a folder with train, validation and test files, or a hub id",
        do=f"in {folder}: {told}" if beside else f"{folder} is empty",
    )


def _no_train(path: Path, present: list[Path]) -> UserError:
    names = ", ".join(file.name for file in present)
    return UserError(
        f"{path} holds no train file" if present else f"{path} holds no data files",
        given=names or "no file that ends in " + ", ".join(sorted(LOADERS)),
        expected="train.jsonl (or .json, .csv, .tsv, .parquet), and perhaps validation and test beside it",
        do="rename the file with the training rows to train" if present else "put the data there",
    )


def _first_line(error: BaseException) -> str:
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0][:200]
