"""Which signs watching gives beside its picture: the terminal's title and its bell; options and a setting say."""

from __future__ import annotations

import argparse

from luzia_client.cli.args.usage_error import UsageError


class NotifierOptions:
    """Which signs are wanted."""

    def __init__(self, title: bool = False, bell: bool = False) -> None:
        self.title = title
        self.bell = bell


NO_NOTIFICATIONS = NotifierOptions()


def add_notifier_options(parser: argparse.ArgumentParser) -> None:
    """The options; without them LUZIA_WATCH decides."""
    on_or_off = argparse.BooleanOptionalAction
    parser.add_argument("--title", action=on_or_off, help="with --watch: how it stands in the terminal's title")
    parser.add_argument("--bell", action=on_or_off, help="with --watch: ring when a job asks, and when all have ended")


def notifier_options(args: argparse.Namespace) -> NotifierOptions:
    """The signs that are wanted. Raises UsageError for an option without --watch."""
    if not args.watch:
        if args.title is not None or args.bell is not None:
            raise UsageError("--title and --bell belong to --watch")
        return NO_NOTIFICATIONS
    from luzia_client.api import settings

    usual = settings.watch_signs()
    return NotifierOptions(
        title="title" in usual if args.title is None else args.title,
        bell="bell" in usual if args.bell is None else args.bell,
    )
