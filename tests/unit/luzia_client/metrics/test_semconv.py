"""The names in traces are those of the conventions that the SDK brings."""

from __future__ import annotations

from opentelemetry.semconv._incubating.attributes import gen_ai_attributes

from luzia_client.metrics import semconv


def test_the_names_for_generative_ai_are_those_of_the_conventions() -> None:
    known = {value for value in vars(gen_ai_attributes).values() if isinstance(value, str)}
    ours = {value for value in vars(semconv).values() if isinstance(value, str) and value.startswith("gen_ai.")}
    assert len(ours) > 8
    assert ours - known == set()
    operations = {each.value for each in gen_ai_attributes.GenAiOperationNameValues}
    assert {semconv.INVOKE_AGENT, semconv.EXECUTE_TOOL} <= operations
