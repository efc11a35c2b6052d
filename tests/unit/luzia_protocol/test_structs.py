"""Every message survives the wire, and messages of newer peers are understood."""

from __future__ import annotations

from typing import Any, get_args

import msgspec
import pytest

from luzia_protocol import errors, events, jobs, replies, requests
from luzia_protocol.version import OLDEST_SUPPORTED, PROTOCOL_VERSION

from luzia_docs.generate import error_meanings

EXAMPLES: dict[str, Any] = {
    "str": "näme\n\u2028",
    "int": 7,
    "float": 0.25,
    "bool": True,
    "datetime": "2026-01-02T03:04:05.678900+00:00",
}

ALL_REQUESTS: list[type[msgspec.Struct]] = list(get_args(requests.Request))
ALL_EVENTS: list[type[msgspec.Struct]] = list(get_args(events.Event))
ALL_REPLIES: list[type[msgspec.Struct]] = [
    *get_args(replies.Ok),
    replies.Error,
    replies.FollowEnd,
    replies.Lagged,
]
ALL_FRAMES: dict[Any, type[msgspec.Struct]] = {
    replies.OkFrame: replies.DispatchResult,
    replies.ErrorFrame: replies.Error,
    replies.OutputFrame: replies.Output,
    replies.EndFrame: replies.FollowEnd,
    replies.LaggedFrame: replies.Lagged,
    replies.EventFrame: events.Ended,
}


def example(kind: msgspec.inspect.Type) -> Any:
    """A value of a type, as JSON would carry it; of a union its first member that is not None."""
    match kind:
        case msgspec.inspect.UnionType():
            return example(next(t for t in kind.types if not isinstance(t, msgspec.inspect.NoneType)))
        case msgspec.inspect.ListType():
            return [example(kind.item_type)] * 2
        case msgspec.inspect.DictType():
            return {example(kind.key_type): example(kind.value_type)}
        case msgspec.inspect.EnumType():
            return next(iter(kind.cls)).value
        case msgspec.inspect.LiteralType():
            return kind.values[0]
        case msgspec.inspect.StructType():
            fields = {field.encode_name: example(field.type) for field in kind.fields}
            return fields if kind.tag_field is None else {kind.tag_field: kind.tag} | fields
        case _:
            return EXAMPLES[type(kind).__name__.removesuffix("Type").lower()]


def example_of(struct: type[msgspec.Struct]) -> dict[str, Any]:
    """A message with every field filled in, as JSON would carry it."""
    fields: dict[str, Any] = example(msgspec.inspect.type_info(struct))
    return fields


def whole(value: Any) -> Any:
    """A decoded message with every field, the ones that equal their defaults too."""
    return msgspec.structs.asdict(value)


@pytest.mark.parametrize("struct", ALL_REQUESTS + ALL_EVENTS + ALL_REPLIES + [jobs.Job], ids=str)
def test_every_message_survives_the_wire(struct: type[msgspec.Struct]) -> None:
    message = msgspec.convert(example_of(struct), struct)
    line = msgspec.json.encode(message)
    assert b"\n" not in line
    assert msgspec.json.decode(line, type=struct) == message


@pytest.mark.parametrize("struct", ALL_REQUESTS + ALL_EVENTS + ALL_REPLIES, ids=str)
def test_fields_of_a_newer_peer_are_ignored(struct: type[msgspec.Struct]) -> None:
    fields = example_of(struct)
    assert msgspec.convert(fields | {"new_in_9": [1]}, struct) == msgspec.convert(fields, struct)


@pytest.mark.parametrize("struct", ALL_REQUESTS, ids=str)
def test_a_request_is_known_by_its_op(struct: type[msgspec.Struct]) -> None:
    line = msgspec.json.encode(example_of(struct))
    assert type(msgspec.json.decode(line, type=requests.Request)) is struct


@pytest.mark.parametrize("struct", ALL_EVENTS, ids=str)
def test_an_event_is_known_by_its_kind(struct: type[msgspec.Struct]) -> None:
    line = msgspec.json.encode(example_of(struct))
    assert type(msgspec.json.decode(line, type=events.Event)) is struct


@pytest.mark.parametrize("request_id", [7, "seven", None])
@pytest.mark.parametrize("frame", ALL_FRAMES, ids=str)
def test_every_frame_carries_the_id_of_its_request(frame: type[msgspec.Struct], request_id: int | str | None) -> None:
    content = msgspec.convert(example_of(ALL_FRAMES[frame]), ALL_FRAMES[frame])
    line = msgspec.json.encode(frame(content, request_id))
    decoded = msgspec.json.decode(line)
    assert decoded.get("id") == request_id
    assert ("id" in decoded) == (request_id is not None)


@pytest.mark.parametrize("struct", ALL_REQUESTS, ids=str)
def test_an_id_is_optional_in_every_request(struct: type[msgspec.Struct]) -> None:
    fields = example_of(struct)
    del fields["id"]
    assert whole(msgspec.convert(fields, struct))["id"] is None


@pytest.mark.parametrize(
    "line",
    [
        b'{"op":"fly"}',
        b'{"project":"x"}',
        b'{"op":"status"}',
        b'{"op":"status","job":3}',
        b"[]",
        b"7",
        b"",
        b"{",
    ],
)
def test_what_is_no_request_is_refused(line: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        msgspec.json.decode(line, type=requests.Request)


@pytest.mark.parametrize("code", errors.ErrorCode)
def test_every_error_code_has_a_meaning_and_a_remedy(code: errors.ErrorCode) -> None:
    for sentence in (error_meanings()[code], errors.REMEDIES[code]):
        assert sentence.endswith(".")
        assert sentence[0].isupper()


def test_a_refusal_without_a_hint_gives_the_remedy_of_its_code() -> None:
    code = errors.ErrorCode.UNKNOWN_JOB
    assert errors.Refused(code, "no job xyz").hint == errors.REMEDIES[code]
    assert errors.Refused(code, "no job xyz", "look again").hint == "look again"


def test_every_outcome_leads_to_a_final_state() -> None:
    assert set(jobs.OUTCOME_STATES) == set(jobs.Outcome)
    assert set(jobs.OUTCOME_STATES.values()) <= jobs.FINAL_STATES
    assert {state for state in jobs.JobState if state.is_final} == jobs.FINAL_STATES


def test_the_versions_served_reach_up_to_the_current_one() -> None:
    assert 1 <= OLDEST_SUPPORTED <= PROTOCOL_VERSION
