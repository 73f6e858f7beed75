"""The command ``stance``. Each command is one of the package's functions, with files at both ends.

One file a group of commands; importing it here registers its commands.
"""

import atexit
import gc
import sys
import warnings

from stance.cli import cache, codebook, fetch, people, quotes, report, scores, validation
from stance.cli.shared import app
from stance.errors import StanceError

__all__ = ["app", "cache", "codebook", "fetch", "main", "people", "quotes", "report", "scores", "validation"]


def main() -> None:
    """Runs the command line; an error that stance raises on purpose is one line and exit code 1."""
    quiet_transformers()
    warnings.formatwarning = _one_line
    atexit.register(gc.freeze)  # else Python looks for cycles in torch's modules once more: half a second
    try:
        app()
    except StanceError as error:
        print("stance: " + " ".join(str(error).split()), file=sys.stderr)
        raise SystemExit(1) from None


def _one_line(message: Warning | str, *_: object, **__: object) -> str:
    """A warning as a command shows it: without the place in the code."""
    return f"stance: warning: {' '.join(str(message).split())}\n"


def quiet_transformers() -> None:
    """Loading bars and advice are not what a command's user asked for."""
    import os

    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
