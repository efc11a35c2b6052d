"""The names in traces: those of OpenTelemetry's semantic conventions for generative AI, and luzia's own. Pure.

The conventions are not stable yet: a new version changes this file alone.
"""

from __future__ import annotations

from luzia_protocol.jobs import Outcome

OPERATION = "gen_ai.operation.name"
INVOKE_AGENT = "invoke_agent"
EXECUTE_TOOL = "execute_tool"
AGENT_NAME = "gen_ai.agent.name"
AGENT_VERSION = "gen_ai.agent.version"
CONVERSATION = "gen_ai.conversation.id"
RESPONSE_MODEL = "gen_ai.response.model"
INPUT_TOKENS = "gen_ai.usage.input_tokens"
CACHED_TOKENS = "gen_ai.usage.cache_read.input_tokens"
OUTPUT_TOKENS = "gen_ai.usage.output_tokens"
TOOL_NAME = "gen_ai.tool.name"
ERROR_TYPE = "error.type"
SERVICE_NAME = "service.name"

JOB = "luzia.job.id"
PROJECT = "luzia.project"
ATTEMPT = "luzia.attempt"
OUTCOME = "luzia.outcome"
SCHEDULE = "luzia.schedule"
WAITED = "luzia.queue_wait_s"
COST = "luzia.cost_usd"
QUESTION_ASKED = "luzia.question_asked"
QUESTION_ANSWERED = "luzia.question_answered"
QUESTION = "luzia.question.id"
QUESTION_TYPE = "luzia.question.type"

NO_ERRORS = frozenset((Outcome.COMPLETED, Outcome.CANCELLED, Outcome.SKIPPED))
"""The outcomes after which a span has no error: all went well, or a user wanted the end."""
