"""The tables [notify.targets.NAME] and [[notify.rules]] of config.toml."""

from __future__ import annotations

import os
import stat
import tomllib
from datetime import time
from pathlib import Path
from typing import Literal

import msgspec

from luzia_protocol import environment
from luzia_protocol.jobs import Outcome

from luzia_client.notify import NotifyError

Subject = Literal[
    "finished",
    "failed",
    "asks",
    "review",
    "collision",
    "limit_reached",
    "limit_over",
    "stalled",
    "over_budget",
    "queue_empty",
    "daemon_restarted",
    "store_trouble",
    "store_recovered",
    "missed",
]
"""What a notice is about. missed: events that were no longer stored when they were to be read."""


class Target(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where notices go; exactly one of the first five is set.

    url_env, url_file: where the Apprise URL is, which is a secret: in a variable, or in a file that only its owner may
    read. desktop: the notifications of the desktop. command: a program. webhook: an HTTP address, with its secret in
    `secret_env` or `secret_file`. title, body: templates with {fields}. answers: its readers may answer questions.
    """

    url_env: str | None = None
    url_file: str | None = None
    desktop: bool = False
    command: list[str] = []
    webhook: str | None = None
    secret_env: str | None = None
    secret_file: str | None = None
    title: str | None = None
    body: str | None = None
    answers: bool = False


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which events make notices for which targets; an empty choice is all.

    longer_than_s: only attempts that ran at least that long. quiet: a part of the day, such as `22:00-07:00` in local
    time, during which notices are kept for one digest. digest_s: seconds during which notices are collected.
    """

    targets: list[str]
    events: list[Subject] = []
    projects: list[str] = []
    agents: list[str] = []
    tags: dict[str, str] = {}
    outcomes: list[Outcome] = []
    longer_than_s: float = 0.0
    quiet: str | None = None
    digest_s: float = 0.0

    @property
    def quiet_hours(self) -> tuple[time, time] | None:
        """The begin and the end of the quiet part of the day."""
        if self.quiet is None:
            return None
        begin, _, end = self.quiet.partition("-")
        return time.fromisoformat(begin.strip()), time.fromisoformat(end.strip())


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """link: the address of the web page, for links to jobs. targets: by name."""

    link: str = ""
    targets: dict[str, Target] = {}
    rules: list[Rule] = []


class _File(msgspec.Struct):
    notify: Settings = Settings()


def load(file: str | None = None) -> Settings:
    """Read the tables. file: default is config.toml where the daemon reads it. Raises NotifyError."""
    path = file or environment.config_file()
    try:
        tables = tomllib.loads(Path(path).read_text())
    except FileNotFoundError:
        return Settings()
    except OSError as exc:
        raise NotifyError(f"cannot read {path}: {exc.strerror}") from exc
    except ValueError as exc:
        raise NotifyError(f"{path}: invalid TOML: {exc}", "`luzia daemon reload` shows the line.") from exc
    try:
        settings = msgspec.convert(tables, _File).notify
    except msgspec.ValidationError as exc:
        raise NotifyError(
            f"{path}: [notify]: {_explain(exc)}", "Correct it, and run `luzia notify run` again."
        ) from exc
    _check(path, settings)
    return settings


def _explain(exc: msgspec.ValidationError) -> str:
    """The library's message, with the key first and in the words of TOML."""
    message, _, place = str(exc).partition(" - at ")
    key = place.strip("`").removeprefix("$.notify").lstrip(".")
    words = message.replace("Object contains unknown field", "unknown key").replace(
        "Object missing required field", "missing"
    )
    return f"{key}: {words}" if key else words


def _check(path: str, settings: Settings) -> None:
    for name, target in settings.targets.items():
        kinds = [target.url_env, target.url_file, target.desktop, target.command, target.webhook]
        if sum(bool(kind) for kind in kinds) != 1:
            raise NotifyError(
                f"{path}: [notify.targets.{name}]: set exactly one of url_env, url_file, desktop, command and webhook"
            )
        if target.answers and not settings.link.startswith(("https://", "http://")):
            raise NotifyError(
                f"{path}: [notify.targets.{name}]: `answers` needs the address of `luzia web`",
                'Set it in [notify]: link = "https://luzia.example.org"',
            )
    for number, rule in enumerate(settings.rules, 1):
        unknown = [name for name in rule.targets if name not in settings.targets]
        if unknown:
            raise NotifyError(
                f"{path}: rule {number} of [[notify.rules]]: unknown target '{unknown[0]}'",
                f"Configured: {', '.join(settings.targets) or 'none'}.",
            )
        try:
            hours = rule.quiet_hours
        except ValueError as exc:
            raise NotifyError(
                f"{path}: rule {number} of [[notify.rules]]: quiet: found '{rule.quiet}', expected HH:MM-HH:MM"
            ) from exc
        if hours is not None and hours[0] == hours[1]:
            raise NotifyError(
                f"{path}: rule {number} of [[notify.rules]]: quiet: the interval begins and ends at the same time"
            )


def read_secret(variable: str | None, file: str | None) -> str:
    """A secret from a variable or a file of its owner; empty if neither is named. Raises NotifyError, without it."""
    if variable is not None:
        value = os.environ.get(variable, "").strip()
        if not value:
            raise NotifyError(f"the variable {variable} is not set", "Set it where `luzia notify` runs.")
        return value
    if file is None:
        return ""
    path = os.path.expanduser(file)
    try:
        with open(path, encoding="utf-8") as opened:
            mode = os.fstat(opened.fileno()).st_mode
            if stat.S_IMODE(mode) & 0o077:
                raise NotifyError(f"{path} can be read by other users", f"Run: chmod 600 {path}")
            value = opened.read(65536).strip()
    except OSError as exc:
        raise NotifyError(f"cannot read {path}: {exc.strerror}") from exc
    except UnicodeDecodeError as exc:
        raise NotifyError(f"{path} is not valid UTF-8") from exc
    if not value:
        raise NotifyError(f"{path} is empty")
    return value
