"""The cause of a failure, from the words of an agent's final error: a table of wordings per agent. Pure.

Only final errors are looked up here: what a model or a tool says about limits is not an error of the agent. The readers
use the structure of the output first, such as a type, a status or a header, and these words second. The wordings come
from the agents' sources, their documentation and recorded output; tests/data/limits.jsonl has them.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from luziad.agents.json_values import MAX_TEXT_CHARS
from luziad.agents.usage_reset import parse_duration_s, tells_time
from luziad.jobs.attempt import FailureCause

SHORT_WAIT_S = 300.0
"""A server that asks to wait less is busy; an allowance that is used up takes longer to return."""

_MAX_CHARS = 8 * MAX_TEXT_CHARS


class _Family(NamedTuple):
    """Wordings with the same meaning.

    cause: their meaning. short, long: the meaning instead, if they tell a wait below SHORT_WAIT_S, or a longer one or a
    time.
    """

    words: re.Pattern[str]
    cause: FailureCause
    short: FailureCause | None = None
    long: FailureCause | None = None


def _family(
    cause: FailureCause, *words: str, short: FailureCause | None = None, long: FailureCause | None = None
) -> _Family:
    return _Family(re.compile("|".join(words), re.IGNORECASE), cause, short, long)


_LIMIT, _BUSY, _ACCOUNT = FailureCause.USAGE_LIMIT, FailureCause.OVERLOAD, FailureCause.ACCOUNT

_AGENTS = {
    "claude": (
        _family(
            FailureCause.BUDGET,
            r"^error_max_(turns|budget)",
            r"exceeded usd budget",
            r"maximum number of turns",
            r"reached max(imum)? (turns|budget) \(",
        ),
        _family(_ACCOUNT, r"out of (extra )?usage\b", long=_LIMIT),
    ),
    "codex": (_family(_ACCOUNT, r"quota exceeded\. check your plan", r"with your chatgpt plan, upgrade"),),
    "gemini": (
        _family(FailureCause.BUDGET, r"reached max session turns"),
        _family(_LIMIT, r"quota resets\b", r"quota metric .* per day\b"),
        _family(_BUSY, r"exhausted your capacity", r"quota metric .* per minute\b", r"check quota", long=_LIMIT),
        _family(_LIMIT, r"exceeded your current quota", short=_BUSY),
    ),
    "opencode": (
        _family(_LIMIT, r"(free|go)usagelimiterror", r"free usage exceeded"),
        _family(FailureCause.REQUEST, r"contextoverflowerror", r"messageoutputlengtherror"),
        _family(FailureCause.CREDENTIALS, r"providerautherror"),
    ),
    "vibe": (
        _family(
            FailureCause.BUDGET,
            r"^stopped: ((turn|price|token)_limit|deadline)",
            r"<vibe_stop_event>(turn|price|token) limit",
            r"conversation limit was reached",
        ),
    ),
    "copilot": (
        _family(_LIMIT, r"quota_exceeded", r"out of your included ai credits", r"exceeded your monthly quota"),
    ),
    "qwen": (_family(FailureCause.BUDGET, r"reached max session turns", r"run aborted: [\w-]+ budget of"),),
}
"""The wordings of one agent, which are tried before those of all."""

_NUMBER = r"(?<![\w./:-])(?:429|50[0234]|529)(?![\w/])"

_NO_TECHNICAL = "".join(
    f"(?<!{kind}[ _-])" for kind in ("context", "token", "tokens", "turn", "turns", "time", "size", "depth", "length")
)
"""Limits that have nothing to do with an account."""

_MACHINE = re.compile(
    r"\b(EDQUOT|ENOSPC|EMFILE|ENFILE|ENOMEM|ulimit)\b|disk quota|resource temporarily unavailable"
    r"|\b(memory|heap|stack|recursion|process|pids|threads?|inodes?|inotify|watch(ers)?|descriptors?|open files)"
    r"([ _-](size|depth|watch|count|use))? limits?\b"
    r"|\blimits? (for|on|of) (the )?(number of )?(open )?(files?|processes|threads|watch(es|ers)|memory)\b",
    re.IGNORECASE,
)
"""Limits of the machine, which say nothing about an account."""

_NAMES = re.compile(
    r"(?<![\w/:.~])(?:[.~]{0,2}/[^\s'\"]+|[^\s'\"/:]+/[^\s'\"]*\.\w+|(?<=['\"`])[^\s'\"/:]+/[^\s'\"]*"
    r"|--?[a-z][\w-]*|\w+(?:[._]\w+)+)",
    re.IGNORECASE,
)
"""Paths, options and identifiers: words in them, such as those of a module named billing, tell no cause."""

_ALL = (
    _family(_BUSY, r"not your usage limit"),
    _family(
        FailureCause.REQUEST,
        r"(prompt|conversation|context|request|input) (is )?too (long|large)",
        r"prompt as too long",
        r"context (window|length)",
        r"ran out of room|request_too_large",
        r"usage policy",
        r"requested model is not supported",
        r"exceeded the \d+ output token maximum",
    ),
    _family(_LIMIT, r"per[ -]day\b", r"\(rpd\)"),
    _family(
        _ACCOUNT,
        r"out of (usage )?credits",
        r"spend(ing)? (limit|cap)\b",
        r"(credit )?balance is too low",
        r"insufficient[ _](credits?|balance|quota|funds)",
        r"requires (more|usage) credits",
        r"extra usage is required|not have enough credits|arrearage",
        r"tokens limit exceeded: \d",
        r"budget has been exceeded",
        r"(access|usage) (is |has been )?(paused|suspended)",
        r"(organization|account|workspace) (is|has been) (disabled|suspended|deactivated)",
        r"payment required",
        r"billing_not_configured",
        r"余额不足",
        long=_LIMIT,
    ),
    _family(
        FailureCause.CREDENTIALS,
        r"not logged in",
        r"please (run )?/?log ?in\b",
        r"(invalid|incorrect|missing|no) (\w+ )?(api key|x-api-key)",
        r"\b(access|oauth|refresh|session) token\b|oauth account",
        r"unauthorized|unauthenticated",
        r"(failed to authenticate|authentication (failed|cancelled|error)|no authentication|an auth method)",
        r"missing (environment variable|\w+_api_key)",
        r"disabled claude subscription",
        r"(?<![\w./:-])401(?![\w/])",
    ),
    _family(
        _LIMIT,
        r"you(['’]ve| have) (hit|reached|exceeded) your (\S+ ){0,5}limits?\b",
        r"\b(usage|session|weekly|daily|monthly|hourly|5-hour|quota) limit (has been )?(reached|exceeded|hit)",
        r"usage_limit_reached",
        r"(quota|usage) exceeded",
        r"exceeded your (current|monthly|weekly|daily) quota",
        r"exhausted your (\w+ ){0,3}quota",
        r"exceed your account['’]s rate limit",
        r"(reached|exceeded|hit) its (\S+ ){0,3}limits?\b",
        r"(exceeded|reached|used (all|up)( of)?) your (\S+ ){0,4}(usage|allowance|quota|requests|messages|prompts)\b",
        r"weekly/monthly limit exhausted",
        r"使用上限",
    ),
    _family(
        _BUSY,
        r"overload",
        _NUMBER + r" (too many|service|internal|bad gateway|gateway|status code|overloaded|rate limit)",
        r"^\W*(api error: )?" + _NUMBER,
        r"(status|error|code|http|rejected|response)\W{0,3}" + _NUMBER,
        r"too many (concurrent |parallel |simultaneous )?(requests|sessions)",
        r"rate[ _-]?limits?[ _](was |were |has been |have been )?(reached|exceeded|hit)",
        r"rate[ _-]?limited",
        r"(hit|exceed) (a|the|your organization['’]s) rate limit",
        r"temporarily limiting requests",
        r"(high|heavy) (demand|load)\b",
        r"at capacity|no capacity|capacity (exceeded|issue)|out of capacity",
        r"requests throttl|throttlingexception",
        r"internal server error|service unavailable|bad gateway|gateway time-?out",
        r"\bunavailable\b",
        r"request timed out|timeout waiting for (sse|response|stream)|stream (disconnected|closed|ended)",
        r"connection (was )?(lost|error|reset|closed|refused)|unable to connect to (the )?(api|anthropic)",
        r"upstream connect error|fetch failed|network error|socket hang.?up|\b(ECONNRESET|ETIMEDOUT|EAI_AGAIN)\b",
        r"ended without a finish reason",
        r"resource (has been )?exhausted|resource_exhausted",
        r"provider returned error",
        long=_LIMIT,
    ),
)
"""The wordings of all agents."""

_UNKNOWN = _family(
    FailureCause.SUSPECTED,
    r"\b(quotas?|credits?|billing|capacity|exhausted|allowance|subscription|payment)\b",
    _NO_TECHNICAL + r"\blimits?\b",
    r"\b(no|out of) (remaining )?(messages|requests|prompts|usage)\b",
    r"\b(requests|messages) (for|left) today\b",
    r"\bmax(imum)? usage\b",
    long=_LIMIT,
)
"""Words of an account in a message that is not known."""


def find_cause(agent: str, words: str) -> FailureCause | None:
    """The cause of a failure that an agent explains with these words; None when they tell none."""
    words = words[:_MAX_CHARS]
    if _MACHINE.search(words):
        return None
    for family in (*_AGENTS.get(agent, ()), *_ALL):
        if family.words.search(words):
            return _by_wait(family, words)
    return _by_wait(_UNKNOWN, words) if _UNKNOWN.words.search(_NAMES.sub(" ", words)) else None


_ABSENT_KEY = re.compile(
    r"not logged in|missing (environment variable|\w+_api_key)|no authentication|an auth method", re.IGNORECASE
)
_KEY_NAME = re.compile(r"\b[A-Z][A-Z0-9]*_(?:[A-Z0-9]+_)*(?:KEY|TOKEN)\b")
_KEYS = {
    "claude": "ANTHROPIC_API_KEY",
    "codex": "CODEX_API_KEY",
    "gemini": "GEMINI_API_KEY",
    "vibe": "MISTRAL_API_KEY",
    "copilot": "GH_TOKEN",
}


def credentials_hint(agent: str, words: str) -> str:
    """How a key gets to the agent, when its words say that it has none; empty otherwise."""
    if _ABSENT_KEY.search(words) is None:
        return ""
    match = _KEY_NAME.search(words)
    key = match[0] if match is not None else _KEYS.get(agent, "NAME")
    return (
        f"log in once in a terminal, or pass the key with `luzia -e {key} PROJECT TASK` or `env` in config.toml:"
        " jobs do not get it from your shell"
    )


def find_status_cause(status: object) -> FailureCause | None:
    """The cause that an HTTP status tells, for an error whose words tell none."""
    if not isinstance(status, int):
        return None
    causes = {401: FailureCause.CREDENTIALS, 403: FailureCause.CREDENTIALS, 402: _ACCOUNT, 429: _BUSY}
    return causes.get(status, _BUSY if 500 <= status <= 599 else None)


def is_usage_limit(agent: str, words: str) -> bool:
    """Whether an agent's final error says that an allowance of the account is used up and will return."""
    return find_cause(agent, words) is FailureCause.USAGE_LIMIT


def _by_wait(family: _Family, words: str) -> FailureCause:
    """The meaning of the family, by the wait that the words tell."""
    if family.short is None and family.long is None:
        return family.cause
    wait_s = parse_duration_s(words)
    if wait_s is None:
        is_long = tells_time(words)
        return family.long or family.cause if is_long else family.cause
    return (family.short if wait_s < SHORT_WAIT_S else family.long) or family.cause
