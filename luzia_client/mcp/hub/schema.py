"""JSON Schemas of the tools, from the structs of their arguments and results. Pure."""

from __future__ import annotations

from typing import Any

import msgspec

Schema = dict[str, Any]


def schema_of(kind: type[msgspec.Struct]) -> Schema:
    """The schema of a struct, in one piece: not every client follows references."""
    (root,), parts = msgspec.json.schema_components([kind])
    found: Schema = _resolved(root, parts)
    found.pop("title", None)
    return found


def _resolved(node: Any, parts: dict[str, Any]) -> Any:
    if isinstance(node, list):
        return [_resolved(each, parts) for each in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        return _resolved(parts[node["$ref"].rpartition("/")[2]], parts)
    return {name: _resolved(value, parts) for name, value in node.items()}
