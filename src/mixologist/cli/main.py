"""``mixologist VERB``: the verbs, and what every failure comes to (exit 0, 1, 2, 130)."""

from __future__ import annotations

import logging
import os
import sys

import typer

from mixologist.cli import add, audit, chat, console, demo, evaluate, export, init, plan, route, train
from mixologist.errors import Interrupted, MixologistError, UserError

app = typer.Typer(
    name="mixologist",
    help="One model, many skills: multi-task fine-tuning with routed LoRA adapters.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for verb in (init, audit, plan, train, evaluate, route, chat, add, export, demo):
    app.command(verb.__name__.rpartition(".")[2], help=verb.__doc__)(verb.run)


def main() -> None:
    """Run a verb; every failure we know becomes one message and an exit status."""
    _quiet_libraries()
    try:
        app()
    except MixologistError as error:
        sys.exit(_tell(error, error.exit_code))
    except KeyboardInterrupt:
        sys.exit(_tell(MixologistError("interrupted; what was finished is kept"), 130))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        what = f"{error.strerror or error}" + (f": {error.filename}" if error.filename else "")
        sys.exit(_tell(MixologistError(f"failed while running: {what}"), 1))


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
    for name in ("transformers", "datasets", "peft"):
        logging.getLogger(name).setLevel(logging.ERROR)
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")


if __name__ == "__main__":
    main()
