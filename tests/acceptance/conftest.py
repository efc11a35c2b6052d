"""What the acceptance tests of the web page share."""

from web_fixtures import browser, daemon, screen, server

__all__ = ["browser", "daemon", "screen", "server"]
