"""``mixologist VERB``: the verbs, and what every failure comes to (exit 0, 1, 2, 130)."""

from __future__ import annotations

import io
import logging
import os
import sys
import tempfile
import traceback
from importlib.metadata import version

import transformers
import typer
from safetensors import SafetensorError
from transformers.utils import logging as transformers_logging

from mixologist.cli import add, audit, chat, console, demo, evaluate, export, init, plan, report, route, train
from mixologist.errors import Interrupted, MixologistError, UserError

AGAIN = "mend that and give the command again; a training goes on where it stopped with --resume"

app = typer.Typer(
    name="mixologist",
    help="One model, many skills: multi-task fine-tuning with routed LoRA adapters.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for verb in (init, audit, plan, train, evaluate, route, chat, add, export, report, demo):
    app.command(verb.__name__.rpartition(".")[2], help=verb.__doc__)(verb.run)


def main() -> None:
    """Run a verb; every failure we know becomes one message and an exit status."""
    _quiet_libraries()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that lacks a letter shows another
    sys.exit(_status())


def _status() -> int:
    try:
        words = sys.argv[1:] or ["--help"]
        if words == ["--version"]:
            console.out.print(version("mixologist"))
            return 0
        status = int(app(words, prog_name="mixologist", standalone_mode=False) or 0)
    except MixologistError as error:
        return _tell(error, error.exit_code)
    except typer.TyperException as error:
        return _tell(_usage(error), 2)
    except (OSError, SafetensorError) as error:
        return _tell(UserError(f"failed while running: {_reason(error)}", do=AGAIN), 1)
    except Exception:  # a mistake of ours
        return _tell(_unexpected(), 1)
    if status == 130:  # typer makes this of a second Ctrl-C
        _tell(MixologistError("interrupted; what was finished is kept"), 130)
    return status


def _unexpected() -> MixologistError:
    """One message for what nobody foresaw; the traceback goes to a file, for whoever mends it."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt", prefix="mixologist-", delete=False) as file:
        traceback.print_exc(file=file)
    error = sys.exc_info()[1]
    return MixologistError(
        f"a mistake in mixologist itself: {type(error).__name__}: {str(error)[:200]}; please report it with {file.name}"
    )


def _usage(error: typer.TyperException) -> UserError:
    """A word of the command line that no verb knows, in our own words."""
    context = getattr(error, "ctx", None)
    return UserError(
        error.format_message(),
        given=" ".join(["mixologist", *sys.argv[1:]]),
        expected=context.get_usage().removeprefix("Usage: ") if context else "mixologist VERB ...",
        do=f"see {context.command_path if context else 'mixologist'} --help",
    )


def _reason(error: Exception) -> str:
    if not isinstance(error, OSError):
        return str(error)
    return (error.strerror or str(error)) + (f": {error.filename}" if error.filename else "")


def _tell(error: MixologistError, status: int) -> int:
    if "--json" in sys.argv:
        plain = {"what": str(error), "given": "", "expected": "", "do": ""}
        if isinstance(error, Interrupted):
            plain["do"] = error.resume
        console.emit({"error": error.as_json() if isinstance(error, UserError) else plain})
    else:
        console.err.print(f"error: {error}" if status != 130 else str(error), markup=False, soft_wrap=True)
    return status


def _quiet_libraries() -> None:
    """Progress bars and chatter of libraries would stand between ours."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    for name in ("transformers", "datasets", "peft", "huggingface_hub"):
        logging.getLogger(name).setLevel(logging.ERROR)
    transformers.logging.disable_progress_bar()
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    transformers_logging.disable_progress_bar()


if __name__ == "__main__":
    main()
