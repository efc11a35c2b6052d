"""The description of the API in OpenAPI, made from the structs of the protocol. Pure."""

from __future__ import annotations

import inspect
from functools import cache
from typing import Any

import msgspec

from luzia_protocol import replies, requests, schedules
from luzia_protocol.version import VERSION

from luzia_client.api.requests import READ_ONLY
from luzia_client.web.operations import OPS, STREAMS

REPLIES: dict[str, Any] = {
    "dispatch": replies.DispatchResult,
    "schedule_run": replies.DispatchResult,
    "graph": replies.GraphResult,
    "graph_show": replies.JobGraph,
    "status": replies.StatusResult,
    "list": replies.JobPage,
    "logs": replies.Output,
    "wait": replies.WaitResult,
    "retry": replies.RetryResult,
    "clean": replies.CleanResult,
    "discard": replies.DiscardResult,
    "restore_work": replies.RestoreResult,
    "schedule_list": schedules.ScheduleListResult,
    **dict.fromkeys(
        ("schedule_add", "schedule_show", "schedule_pause", "schedule_resume", "schedule_remove"),
        schedules.ScheduleResult,
    ),
    **dict.fromkeys(("pause_queue", "resume_queue", "resume_agent", "drain"), replies.QueueChange),
    "import": replies.ImportResult,
    **dict.fromkeys(("projects", "project_add", "project_remove"), replies.ProjectList),
    "agents": replies.AgentList,
    "reload": replies.ReloadResult,
    "info": replies.DaemonInfo,
    "shutdown": replies.StopResult,
    "hello": replies.HelloResult,
}
"""Op -> its reply; the others are answered by replies.JobChange."""


@cache
def describe() -> dict[str, Any]:
    """The document."""
    ops = {op: kind for op, kind in OPS.items() if kind not in STREAMS}
    answers = {op: REPLIES.get(op, replies.JobChange) for op in ops}
    types = [*ops.values(), *answers.values(), replies.Error]
    references, definitions = msgspec.json.schema_components(types, ref_template="#/components/schemas/{name}")
    schemas = dict(zip(types, references, strict=True))
    paths: dict[str, Any] = {}
    for op, kind in ops.items():
        paths[f"/api/{op}"] = {"post": _post(kind, schemas[kind], schemas[answers[op]])}
        if kind in READ_ONLY:
            paths[f"/api/{op}"]["get"] = {**_answers(kind, schemas[answers[op]]), "parameters": _parameters(kind)}
    paths["/api/events"] = {
        "get": {
            "summary": "Stream events as server-sent events; their ids are their seqs.",
            "parameters": [{"name": "after", "in": "query", "schema": {"type": "integer"}}],
            "responses": {"200": {"description": "events", "content": {"text/event-stream": {}}}},
        }
    }
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


def _post(kind: type[requests.Request], request: Any, answer: Any) -> dict[str, Any]:
    body = {"content": {"application/json": {"schema": request}}}
    return {**_answers(kind, answer), "requestBody": body}


def _answers(kind: type[requests.Request], answer: Any) -> dict[str, Any]:
    text = inspect.cleandoc(kind.__doc__ or "")
    return {
        "summary": text.partition("\n")[0],
        "description": text,
        "responses": {
            "200": _response("done", "ok", answer),
            "default": _response("refused", "error", {"$ref": "#/components/schemas/Error"}),
        },
    }


def _response(text: str, name: str, schema: Any) -> dict[str, Any]:
    content = {"type": "object", "properties": {name: schema}, "required": [name]}
    return {"description": text, "content": {"application/json": {"schema": content}}}


def _parameters(kind: type[requests.Request]) -> list[dict[str, Any]]:
    return [
        {"name": field.name, "in": "query", "required": field.required}
        for field in msgspec.structs.fields(kind)
        if field.name != "id"
    ]
