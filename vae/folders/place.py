"""Whether a model folder can be written at a place, asked before the work that would fill it."""

from __future__ import annotations

import os
from pathlib import Path

from vae.errors import CheckpointError
from vae.folders.files import check_name

LONGEST_FILE = "training_state.safetensors"  # the longest name of a file in a model folder


def check_place(path: str | Path) -> None:
    """Refuses a name, a place or a path that could not be written at the end; nothing stays behind."""
    path = Path(os.path.expanduser(path)).absolute()
    check_name(path.name)
    if os.path.lexists(path) and not path.is_dir():
        raise CheckpointError(f"{path} is a file, which no model folder replaces; choose another name.")
    above = next(p for p in path.parents if os.path.lexists(p))
    if not above.is_dir():
        raise CheckpointError(f"{path} cannot be written, {above} is a file; choose another --out.")
    if not os.access(above, os.W_OK | os.X_OK):
        raise CheckpointError(
            f"{path} cannot be written, {above} is read-only for you; choose another --out or change its permissions."
        )
    temporary = f".{path.name}.{os.getpid()}.tmp"
    try:
        _refuse_long(above, path.with_name(temporary) / LONGEST_FILE)
        (above / temporary).mkdir()
        (above / temporary).rmdir()
    except FileExistsError:
        pass  # what an earlier process of this number left; the writer removes it
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise CheckpointError(
            f"{path} cannot be written ({why}); check the disk and its permissions, or choose another --out."
        ) from error


def _refuse_long(above: Path, file: Path) -> None:
    """An `OSError` where the path, or a part of it below the folder that exists, is longer than the system takes."""
    for part in (file, *(above / part for part in file.relative_to(above).parts)):
        try:
            part.lstat()
        except (FileNotFoundError, NotADirectoryError):
            continue
