"""The arrangement and the columns of the list, kept over restarts in `top.json` of the state directory."""

from __future__ import annotations

import os
from collections.abc import Sequence

import msgspec

from luzia_protocol import environment

from luzia_client.cli.args.errors import UsageError
from luzia_client.tui.ordering import Arrangement
from luzia_client.tui.top.columns import parse_names


class Preferences(msgspec.Struct, frozen=True):
    """columns: the names of the chosen columns; empty for those that fit the screen."""

    columns: Sequence[str] = ()
    arrangement: Arrangement = Arrangement()

    def __post_init__(self) -> None:
        """Raise ValueError for unknown columns."""
        try:
            parse_names(" ".join(self.columns))
        except UsageError as exc:
            raise ValueError(exc.message) from exc


def preferences_file() -> str:
    """The path of the file."""
    return os.path.join(environment.state_dir(), "top.json")


def load_preferences() -> tuple[Preferences, str]:
    """What is kept, and why it cannot be used; the default without a file, and for one that cannot be used."""
    path = preferences_file()
    try:
        with open(path, "rb") as file:
            return msgspec.json.decode(file.read(), type=Preferences), ""
    except FileNotFoundError:
        return Preferences(), ""
    except (OSError, msgspec.DecodeError) as exc:
        why = exc.strerror if isinstance(exc, OSError) else str(exc)
        return Preferences(), f"{path} is not used: {why}"


def save_preferences(preferences: Preferences) -> None:
    """Keep them; the file is replaced at once. Raises OSError."""
    path = preferences_file()
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    new = f"{path}.{os.getpid()}"
    with open(new, "wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(preferences)))
    os.replace(new, path)
