"""What an operator has stopped, in words, for the commands that show it."""

from __future__ import annotations

from luzia_client.cli.show.formatting import format_time
from luzia_client.cli.show.text import harmless

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime

    from luzia_protocol.operating import Queues


def describe_suspensions(queues: Queues, now: datetime) -> list[tuple[str, str]]:
    """What is stopped, each with the command that ends it."""
    found = []
    if queues.draining is not None:
        since = format_time(queues.draining, now)
        found.append((f"the daemon drains since {since}: nothing starts", "luzia drain --end"))
    if queues.everything is not None:
        since = format_time(queues.everything, now)
        found.append((f"everything is paused since {since}: nothing starts", "luzia resume --all"))
    for project, at in queues.projects.items():
        since, name = format_time(at, now), harmless(project)
        found.append(
            (f"project {name} is paused since {since}: nothing of it starts", f"luzia resume --project {name}")
        )
    return found
