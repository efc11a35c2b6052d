"""The description of the API in OpenAPI, made from the structs of the protocol. Pure."""

from __future__ import annotations

import inspect
from functools import cache
from typing import Any, NamedTuple

import msgspec

from luzia_protocol import replies, requests
from luzia_protocol.answers import ANSWERS
from luzia_protocol.version import VERSION

from luzia_client.api.requests import READ_ONLY
from luzia_client.trees.merge import MergeResult
from luzia_client.web.access import About, TokenRequest
from luzia_client.web.hosts import FarChanges
from luzia_client.web.machine import Finding, Machine
from luzia_client.web.operations import OPS, STREAMS
from luzia_client.web.review import Review, SendBack
from luzia_client.web.work import Changes, Merge


class _Own(NamedTuple):
    """A path that is no op. answer: what its `ok` has; None for a file or a stream, of the type `media`."""

    path: str
    method: str
    summary: str
    answer: Any = None
    body: type[msgspec.Struct] | None = None
    parameters: tuple[str, ...] = ()
    media: str = "application/json"


OWN = (
    _Own("/api/session", "post", "Exchange the token of a link for a session.", dict[str, str], TokenRequest),
    _Own("/api/session/end", "post", "End the session of the browser.", dict[str, str]),
    _Own("/api/about", "get", "What the page must know of its server.", About),
    _Own("/api/machine", "get", "The load, the memory and the disk of the machine.", Machine),
    _Own("/api/doctor", "get", "What `luzia doctor` finds.", list[Finding]),
    _Own("/api/diff", "get", "What a job has changed in its worktree.", Changes, parameters=("job",)),
    _Own(
        "/api/review", "get", "The work of a job that is not merged yet, by file and hunk.", Review, parameters=("job",)
    ),
    _Own("/api/merge", "post", "Merge the branch of a job, or some of its changes.", MergeResult, Merge),
    _Own("/api/send_back", "post", "Send a job back with words and comments on lines.", replies.JobChange, SendBack),
    _Own(
        "/api/output",
        "get",
        "All output of an attempt, exactly as it was written.",
        parameters=("job", "attempt", "stream"),
        media="text/plain",
    ),
    _Own(
        "/api/hosts/{host}/diff",
        "get",
        "What a job of another host has changed in its worktree.",
        FarChanges,
        parameters=("job",),
    ),
    _Own(
        "/api/hosts/{host}/output",
        "get",
        "All output of an attempt on another host. Every op is at `/api/hosts/{host}/{op}`, too.",
        parameters=("job", "attempt", "stream"),
        media="text/plain",
    ),
    _Own(
        "/api/events",
        "get",
        "Stream events as server-sent events; their ids are their seqs.",
        parameters=("after",),
        media="text/event-stream",
    ),
)
"""What the server offers besides the ops."""


@cache
def describe() -> dict[str, Any]:
    """The document."""
    ops = {op: kind for op, kind in OPS.items() if kind not in STREAMS}
    answers = {op: ANSWERS[kind].reply for op, kind in ops.items()}
    bodies = [own.body for own in OWN if own.body is not None]
    types = [*ops.values(), *answers.values(), *bodies, *(own.answer for own in OWN if own.answer), replies.Error]
    references, definitions = msgspec.json.schema_components(types, ref_template="#/components/schemas/{name}")
    schemas = {str(kind): reference for kind, reference in zip(types, references, strict=True)}
    paths: dict[str, Any] = {}
    for op, kind in ops.items():
        text = inspect.cleandoc(kind.__doc__ or "")
        described: dict[str, Any] = {"summary": text.partition("\n")[0], "description": text}
        described |= _answers("application/json", schemas[str(answers[op])])
        paths[f"/api/{op}"] = {"post": described | _body(schemas[str(kind)])}
        if kind in READ_ONLY:
            paths[f"/api/{op}"]["get"] = {**described, "parameters": _parameters(kind)}
    for own in OWN:
        answer = schemas[str(own.answer)] if own.answer else None
        described = {"summary": own.summary, **_answers(own.media, answer)}
        if own.body is not None:
            described |= _body(schemas[str(own.body)])
        if own.parameters:
            described["parameters"] = [
                {"name": name, "in": "query", "required": name == "job"} for name in own.parameters
            ]
        if "{host}" in own.path:
            described["parameters"].append({"name": "host", "in": "path", "required": True})
        paths[own.path] = {own.method: described}
    return {
        "openapi": "3.1.0",
        "info": {"title": "luzia", "version": VERSION},
        "paths": paths,
        "components": {
            "schemas": definitions,
            "securitySchemes": {"session": {"type": "apiKey", "in": "cookie", "name": "luzia-PORT"}},
        },
        "security": [{"session": []}],
    }


def _body(schema: Any) -> dict[str, Any]:
    return {"requestBody": {"content": {"application/json": {"schema": schema}}}}


def _answers(media: str, answer: Any) -> dict[str, Any]:
    done = {"description": "done", "content": {media: _result("ok", answer) if answer else {}}}
    refused = _result("error", {"$ref": "#/components/schemas/Error"})
    return {"responses": {"200": done, "default": {"description": "refused", "content": {"application/json": refused}}}}


def _result(name: str, schema: Any) -> dict[str, Any]:
    return {"schema": {"type": "object", "properties": {name: schema}, "required": [name]}}


def _parameters(kind: type[requests.Request]) -> list[dict[str, Any]]:
    return [
        {"name": field.name, "in": "query", "required": field.required}
        for field in msgspec.structs.fields(kind)
        if field.name != "id"
    ]
