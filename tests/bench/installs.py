"""Installs the wheels in dist with pip, pipx and uv, and dispatches a job with each. Run by `make test-installs`.

pipx and uv are installed from the package index into a directory that is deleted afterwards.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]

FORK_SERVER = "from luzia_client import Client; print(Client().get_info().fork_server_pid)"


def main() -> None:
    """Install every wheel in every way; fails at the first that does not work."""
    with tempfile.TemporaryDirectory(prefix="lz-") as directory:
        root = Path(directory)
        tools = make_venv(root / "tools", "pipx", "uv")
        for number, wheel in enumerate(sorted((ROOT / "dist").glob("luzia-*.whl"))):
            place = root / str(number)
            place.mkdir()
            expected = "Python" if wheel.name.endswith("-any.whl") else "native"
            check(make_venv(place / "venv", str(wheel)) / "luzia", place, expected, f"pip, {wheel.name}")
            env = {"PIPX_HOME": str(place / "pipx"), "PIPX_BIN_DIR": str(place / "pipx-bin")}
            run([tools / "pipx", "install", "--quiet", wheel], env)
            check(place / "pipx-bin" / "luzia", place, expected, f"pipx, {wheel.name}")
            env = {"UV_TOOL_DIR": str(place / "uv"), "UV_TOOL_BIN_DIR": str(place / "uv-bin")}
            run([tools / "uv", "tool", "install", "--quiet", "--python", sys.executable, wheel], env)
            check(place / "uv-bin" / "luzia", place, expected, f"uv tool, {wheel.name}")
        for wanted, expected in (("no", "Python"), ("auto", "native")):  # the source tree keeps the last
            place = root / wanted
            place.mkdir()
            venv = make_venv(place / "venv", "--editable", str(ROOT), env={"LUZIA_NATIVE": wanted})
            check(venv / "luzia", place, expected, f"pip install --editable, LUZIA_NATIVE={wanted}")


def make_venv(directory: Path, *packages: str, env: dict[str, str] | None = None) -> Path:
    """A virtual environment with packages; returns the directory of its programs."""
    run([sys.executable, "-m", "venv", directory])
    run([directory / "bin" / "python", "-m", "pip", "install", "--quiet", *packages], env)
    return directory / "bin"


def check(luzia: Path, place: Path, expected: str, name: str) -> None:
    """Dispatch a job, wait for it, and see which program did."""
    env = {
        "LUZIA_RUNTIME_DIR": str(place / "run"),
        "LUZIA_STATE_DIR": str(place / "state"),
        "LUZIA_CONFIG": str(place / "config"),
        "PATH": "/usr/bin:/bin",
    }
    job = run([luzia, "--agent", "shell", str(place), "echo hello"], env).strip()
    try:
        run([luzia, "wait", job], env)
        assert run([luzia, "logs", job], env) == "hello\n", name
        assert f", {expected})" in run([luzia, "version"], env), name
        assert f", {expected})" in run([luzia.resolve().with_name("luzia-py"), "version"], env), name
        fork_server = run([luzia.resolve().with_name("python"), "-c", FORK_SERVER], env).strip()
        assert (Path("/proc", fork_server, "exe").resolve().name == "luzia-forks") is (expected == "native"), name
    finally:
        run([luzia, "daemon", "stop"], env)
    print(f"{name}: {expected}")


def run(command: list[str | Path], env: dict[str, str] | None = None) -> str:
    """Run a command to its end and return its output."""
    done = subprocess.run(command, env=os.environ | (env or {}), capture_output=True, text=True, check=False)
    assert done.returncode == 0, (command, done.stdout, done.stderr)
    return done.stdout


if __name__ == "__main__":
    main()
