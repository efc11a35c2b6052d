"""The output of an agent with a mapping: its reader and its transcript. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from luziad.agents.base import TranscriptEntry
from luziad.agents.jsonl import JsonlReader
from luziad.agents.jsonl_mapping import JsonlMapping, build_mapping
from luziad.agents.jsonl_transcript import line_entries
from luziad.agents.transcript import Entries


class JsonlOutput:
    """name: of the agent, for messages and its wordings. table: its mapping, which is compiled when it is needed."""

    def __init__(self, name: str, table: Mapping[str, Any]) -> None:
        self._name, self._table = name, table

    def reader(self) -> JsonlReader:
        """A reader for an attempt."""
        return JsonlReader(self._name, self._mapping)

    def entries(self, line: bytes) -> list[TranscriptEntry]:
        """The transcript entries of a line."""
        return self._entries(line)

    @cached_property
    def _mapping(self) -> JsonlMapping:
        return build_mapping(self._table)

    @cached_property
    def _entries(self) -> Entries:
        return line_entries(self._mapping)
