"""An agent that records its own spans has them below that of its attempt."""

from __future__ import annotations

from pathlib import Path

import pytest

from luzia_protocol.jobs import JobState
from luzia_protocol.tracing import span_id, trace_id

from agents.real import RealAgent, until
from otlp_receiver import collector

TELEMETRY = {
    "CLAUDE_CODE_ENABLE_TELEMETRY": "1",
    "CLAUDE_CODE_ENHANCED_TELEMETRY_BETA": "1",
    "OTEL_TRACES_EXPORTER": "otlp",
    "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
    "OTEL_BSP_SCHEDULE_DELAY": "200",
}
"""What its documentation says to set for traces by OTLP."""


@pytest.mark.only("claude")
def test_the_spans_of_the_agent_are_below_that_of_the_attempt(agent: RealAgent) -> None:
    with collector() as receiver:
        file = Path(agent.luzia.env["LUZIA_CONFIG"])
        variables = {**TELEMETRY, "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url}
        lines = [f'{name} = "{value}"\n' for name, value in variables.items()]
        file.write_text(file.read_text().replace('DISABLE_TELEMETRY = "1"\n', "") + "".join(lines))
        agent.client.reload_config()
        exporter = agent.luzia.start("metrics", "--otlp", receiver.url)
        cursor = Path(agent.luzia.env["LUZIA_STATE_DIR"], "metrics.traces.json")
        until(lambda: cursor.exists() or exporter.poll() is not None, "the exporter follows the daemon")
        assert exporter.poll() is None, exporter.communicate()
        job = agent.ended(agent.dispatch("ok"))
        assert job.state is JobState.COMPLETED, agent.output(job.id)
        attempt = bytes.fromhex(span_id(job.id, 1))
        until(lambda: any(span.span_id == attempt for span in receiver.spans), "the attempt's span arrives")
        until(lambda: any(span.parent_span_id == attempt for span in receiver.spans), "a span below it arrives")
        assert {span.trace_id.hex() for span in receiver.spans} == {trace_id(job.id)}
        assert receiver.services >= {"luzia", "claude-code"}
