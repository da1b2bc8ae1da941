"""Writing a report's file: never half of it, and no run that ends without its file for a misspelt path."""

from __future__ import annotations

import secrets
import tempfile
from pathlib import Path

from scripts.errors import DeployError, ExitStatus


def require_writable(path: Path, flag: str) -> None:
    """Fail before the run rather than lose its report after it. Leaves no trace.

    Args:
        path: Where the file will be written.
        flag: That named it, such as ``--report``.

    Raises:
        DeployError: with `ExitStatus.PREFLIGHT_FAILED`.
    """
    try:
        if path.exists() and not path.is_file():
            raise OSError(f"{path} is not a file")
        with tempfile.TemporaryFile(dir=path.resolve().parent):
            pass
    except OSError as error:
        raise DeployError(
            f"The file of {flag} cannot be written: {path}",
            str(error),
            f"Name another file with {flag}, in a directory that exists.",
            status=ExitStatus.PREFLIGHT_FAILED,
        ) from error


def replace(path: Path, text: str) -> None:
    """Write a file whole or not at all; one that is there is replaced at once.

    Raises:
        OSError: when it cannot be written; what was there stays.
    """
    path = path.resolve()  # a link stays a link
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with unfinished.open("x", encoding="utf-8") as stream:
            stream.write(text)
        if path.exists():
            unfinished.chmod(path.stat().st_mode)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
