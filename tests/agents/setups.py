"""How each real agent is led to the stub model: its variables and its own configuration, in a home of its own."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

NOWHERE = "http://127.0.0.1:9"
"""Nobody listens there: what an agent sends elsewhere than to the stub model ends at once."""

_NO_NETWORK = {
    "http_proxy": NOWHERE,
    "https_proxy": NOWHERE,
    "HTTP_PROXY": NOWHERE,
    "HTTPS_PROXY": NOWHERE,
    "no_proxy": "127.0.0.1,localhost",
    "NO_PROXY": "127.0.0.1,localhost",
}


class Setup(NamedTuple):
    """env: variables of the project's jobs. files: what stands in the home, by path in it."""

    env: dict[str, str]
    files: dict[str, str]


def _claude(url: str, home: Path) -> Setup:
    env = {
        "ANTHROPIC_BASE_URL": url,
        "CLAUDE_CODE_OAUTH_TOKEN": "dummy",
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "CLAUDE_CODE_MAX_RETRIES": "1",
        "DISABLE_TELEMETRY": "1",
        "DISABLE_AUTOUPDATER": "1",
        "DISABLE_ERROR_REPORTING": "1",
        "ENABLE_TOOL_SEARCH": "false",
    }
    settings = {"model": "claude-sonnet-4-5", "permissions": {"allow": ["Bash"]}}
    return Setup(env, {".claude/settings.json": json.dumps(settings)})


def _codex(url: str, home: Path) -> Setup:
    config = f"""\
model = "gpt-5.5"
model_provider = "stub"
check_for_update_on_startup = false
approval_policy = "never"
[analytics]
enabled = false
[feedback]
enabled = false
[features]
plugins = false
[model_providers.stub]
name = "stub"
base_url = "{url}/v1"
env_key = "STUB_API_KEY"
wire_api = "responses"
request_max_retries = 1
stream_max_retries = 1
"""
    return Setup({"STUB_API_KEY": "dummy", "CODEX_HOME": f"{home}/.codex"}, {".codex/config.toml": config})


def _opencode(url: str, home: Path) -> Setup:
    env = {
        "OPENCODE_PURE": "1",
        "OPENCODE_DISABLE_AUTOUPDATE": "1",
        "OPENCODE_DISABLE_MODELS_FETCH": "1",
        "OPENCODE_DISABLE_LSP_DOWNLOAD": "1",
        "OPENCODE_DISABLE_DEFAULT_PLUGINS": "1",
    }
    model = {"name": "Stub", "tool_call": True, "limit": {"context": 200_000, "output": 8000}}
    provider = {
        "npm": "@ai-sdk/openai-compatible",
        "name": "Stub",
        "options": {"baseURL": f"{url}/v1", "apiKey": "dummy"},
        "models": {"stub-model": model},
    }
    config = {
        "autoupdate": False,
        "share": "disabled",
        "model": "stub/stub-model",
        "small_model": "stub/stub-model",
        "provider": {"stub": provider},
        "permission": {"edit": "allow", "bash": "allow", "webfetch": "deny"},
    }
    return Setup(env, {".config/opencode/opencode.json": json.dumps(config)})


def _vibe(url: str, home: Path) -> Setup:
    config = f"""\
active_model = "stub"
enable_telemetry = false
enable_update_checks = false
enable_auto_update = false
api_retry_max_elapsed_time = 2.0
[[providers]]
name = "stub"
api_base = "{url}/v1"
api_key_env_var = "STUB_API_KEY"
[[models]]
name = "stub-model"
provider = "stub"
alias = "stub"
input_price = 1.0
output_price = 2.0
"""
    return Setup({"STUB_API_KEY": "dummy", "VIBE_HOME": f"{home}/.vibe"}, {".vibe/config.toml": config})


def _gemini(url: str, home: Path) -> Setup:
    env = {
        "GOOGLE_GEMINI_BASE_URL": url,
        "GEMINI_API_KEY": "dummy",
        "GEMINI_MODEL": "gemini-2.5-flash",
        "GEMINI_TELEMETRY_ENABLED": "false",
    }
    settings = {
        "general": {
            "disableAutoUpdate": True,
            "enableAutoUpdate": False,
            "disableUpdateNag": True,
            "enableAutoUpdateNotification": False,
        },
        "privacy": {"usageStatisticsEnabled": False},
        "telemetry": {"enabled": False},
        "security": {"auth": {"selectedType": "gemini-api-key"}},
        "tools": {"allowed": ["run_shell_command"]},
    }
    return Setup(env, {".gemini/settings.json": json.dumps(settings)})


def _copilot(url: str, home: Path) -> Setup:
    env = {
        "COPILOT_PROVIDER_BASE_URL": f"{url}/v1",
        "COPILOT_PROVIDER_API_KEY": "dummy",
        "COPILOT_MODEL": "stub-model",
        "COPILOT_OFFLINE": "true",
    }
    return Setup(env, {})


def _qwen(url: str, home: Path) -> Setup:
    env = {"OPENAI_BASE_URL": f"{url}/v1", "OPENAI_API_KEY": "dummy", "OPENAI_MODEL": "stub-model"}
    env |= dict.fromkeys(_NO_NETWORK, "")  # it uses a proxy for loopback addresses too
    settings = {
        "general": {"enableAutoUpdate": False, "disableAutoUpdate": True},
        "privacy": {"usageStatisticsEnabled": False},
        "telemetry": {"enabled": False},
        "security": {"auth": {"selectedType": "openai"}},
    }
    return Setup(env, {".qwen/settings.json": json.dumps(settings)})


def _pi(url: str, home: Path) -> Setup:
    cost = {"input": 3, "output": 15, "cacheRead": 0, "cacheWrite": 0}
    model = {"id": "stub-model", "name": "Stub", "reasoning": False, "input": ["text"], "cost": cost}
    model |= {"contextWindow": 200_000, "maxTokens": 8000}
    provider = {"baseUrl": f"{url}/v1", "api": "openai-completions", "apiKey": "STUB_API_KEY", "models": [model]}
    settings = {"defaultProvider": "stub", "defaultModel": "stub-model"}
    files = {"models.json": {"providers": {"stub": provider}}, "settings.json": settings}
    env = {"STUB_API_KEY": "dummy", "PI_OFFLINE": "1", "PI_SKIP_VERSION_CHECK": "1"}
    return Setup(env, {f".pi/agent/{name}": json.dumps(content) for name, content in files.items()})


SETUPS: dict[str, Callable[[str, Path], Setup]] = {
    "claude": _claude,
    "codex": _codex,
    "opencode": _opencode,
    "vibe": _vibe,
    "gemini": _gemini,
    "copilot": _copilot,
    "qwen": _qwen,
    "pi": _pi,
}


def lead_to(agent: str, url: str, home: Path) -> dict[str, str]:
    """Write the agent's configuration into a home, for the stub model at this URL; returns its variables."""
    setup = SETUPS[agent](url, home)
    for name, text in setup.files.items():
        file = home / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return _NO_NETWORK | setup.env
