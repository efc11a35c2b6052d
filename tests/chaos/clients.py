"""The clients of a chaos run: they dispatch, cancel and follow, and come back whenever they are cut off."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from chaos import work
from support import MAIN, Connection, PrivateDaemon

OUTSTANDING = 40
"""Jobs that may be under way before the dispatchers wait."""
_GONE = (OSError, EOFError, json.JSONDecodeError)


class Run:
    """What all clients of a run share: what was asked, what was answered, and what is wrong.

    ids: the job answered for each number. events: every event in the order of its arrival.
    """

    def __init__(self, daemon: PrivateDaemon, seed: str) -> None:
        self.daemon = daemon
        self.seed = seed
        self.stop = threading.Event()
        self.works: dict[int, work.Work] = {}
        self.ids: dict[int, str] = {}
        self.cancelled: set[str] = set()
        self.events: list[dict[str, Any]] = []
        self.ended: set[str] = set()
        self.killed_shims: set[int] = set()
        self.counts: Counter[str] = Counter()
        self.mistakes: list[str] = []
        self.lock = threading.Lock()

    def hurt_shims(self, how: str) -> set[int]:
        """The shims that `killed` themselves or in which something `failed`, as shim_faults.py wrote down."""
        file = self.daemon.root / f"plan.json.shims.{how}"
        return set(map(int, file.read_text().split())) if file.exists() else set()

    def chance(self, name: str) -> random.Random:
        """The dice of one thread."""
        return random.Random(f"{self.seed} {name}")

    def mistake(self, text: str) -> None:
        """Take note of a broken promise."""
        with self.lock:
            self.mistakes.append(text)

    def count(self, what: str, number: int = 1) -> None:
        with self.lock:
            self.counts[what] += number

    def next_work(self, chance: random.Random) -> work.Work:
        with self.lock:
            number = len(self.works)
            made = self.works[number] = work.make(number, chance)
            return made

    def answered(self, number: int, job: str) -> None:
        """An id was answered for the number's key: the same for ever."""
        with self.lock:
            known = self.ids.setdefault(number, job)
        if known != job:
            self.mistake(f"key work-{number} was answered {known} first and {job} later")

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """Ask until a daemon answers, whatever it answers; storage that fails and an end are waited out."""
        while True:
            try:
                with self.daemon.connect() as wire:
                    answer = wire.ask(**request)
            except _GONE:
                time.sleep(0.02)
                continue
            code = answer.get("error", {}).get("code")
            if code not in ("storage_unavailable", "shutting_down"):
                return answer
            self.count(f"refusals: {code}")
            time.sleep(0.05)


def start(run: Run, dispatchers: int) -> list[threading.Thread]:
    """Start all clients; they end when `run.stop` is set, the follower when `finish` has what it waits for."""
    jobs: list[tuple[Callable[..., None], str]] = [(dispatch, f"dispatcher {n}") for n in range(dispatchers)]
    jobs.append((follow, "follower"))
    threads = [threading.Thread(target=target, args=(run, name), name=name, daemon=True) for target, name in jobs]
    for thread in threads:
        thread.start()
    return threads


def dispatch(run: Run, name: str) -> None:
    """Dispatch one job after the other, sometimes rudely, and cancel those that want it."""
    chance = run.chance(name)
    due: list[tuple[float, str]] = []
    while not run.stop.is_set():
        _cancel_due(run, due)
        if len(run.ids) - len(run.ended) > OUTSTANDING:
            time.sleep(0.02)
            continue
        made = run.next_work(chance)
        while chance.random() < 0.03:
            _be_rude(run, made, chance)
        job = _dispatch(run, made)
        if made.cancel_after_s is not None:
            due.append((time.monotonic() + made.cancel_after_s, job))
        if chance.random() < 0.1:
            _dispatch(run, run.works[chance.choice(list(run.ids))])
        time.sleep(chance.choice((0.0, 0.0, 0.05)))
    while due:
        _cancel_due(run, due)
        time.sleep(0.01)


def _dispatch(run: Run, made: work.Work) -> str:
    answer = run.ask(made.request(run.daemon.root))
    if "ok" not in answer:
        run.mistake(f"dispatch of {made.key}: {answer}")
        return ""
    job: str = answer["ok"]["job"]
    run.answered(made.number, job)
    return job


def _cancel_due(run: Run, due: list[tuple[float, str]]) -> None:
    now = time.monotonic()
    for entry in [entry for entry in due if entry[0] <= now]:
        due.remove(entry)
        answer = run.ask({"op": "cancel", "job": entry[1]})
        if "ok" in answer:
            run.cancelled.add(entry[1])
        elif answer["error"]["code"] != "job_final":
            run.mistake(f"cancel of {entry[1]}: {answer}")


def cancel_again(run: Run) -> None:
    """Repeat the cancels that were answered while the storage failed, and went with a daemon that was killed then."""
    for job in run.cancelled - run.ended:
        answer = run.ask({"op": "status", "job": job})
        if answer["ok"]["job"]["state"] in ("queued", "starting", "running"):
            run.count("cancels that went with daemon and storage")
            if not run.counts["storage faults"]:
                run.mistake(f"the cancel of {job} was answered, and it is {answer['ok']['job']['state']}")
            run.ask({"op": "cancel", "job": job})


def _be_rude(run: Run, made: work.Work, chance: random.Random) -> None:
    """Send the request, or a part of it, and go away without a word, as a client that is killed does."""
    if chance.random() < 0.2:
        _kill_a_command(run, made, chance)
        return
    frame = json.dumps(made.request(run.daemon.root)).encode() + b"\n"
    try:
        wire = Connection(run.daemon.socket)
        wire.send_bytes(frame[: chance.choice((len(frame), chance.randrange(len(frame))))])
        wire.close()
    except OSError:
        return
    run.count("kills: client in mid-request")


def _kill_a_command(run: Run, made: work.Work, chance: random.Random) -> None:
    """Let `luzia` dispatch it, and kill that at some moment."""
    request = made.request(run.daemon.root)
    limit = [] if made.timeout_s is None else ["--timeout", f"{made.timeout_s}"]
    words = ["--key", made.key, *limit, request["project"], request["task"]]
    command = subprocess.Popen(
        [sys.executable, "-c", MAIN, *words],
        env=run.daemon.env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    time.sleep(chance.uniform(0.0, 0.15))
    command.kill()
    if command.wait() == -9:
        run.count("kills: client in mid-request")


def follow(run: Run, name: str) -> None:
    """Hear of every event from the first on, over any number of connections."""
    while not (run.stop.is_set() and set(run.ids.values()) <= run.ended):
        after = run.events[-1]["seq"] if run.events else 0
        try:
            with run.daemon.connect() as wire:
                wire.socket.settimeout(1.0)
                wire.send(op="subscribe", after=after)
                answer = wire.receive()
                if "ok" not in answer:
                    run.mistake(f"subscribe after {after}: {answer}")
                    return
                while event := wire.receive().get("event"):
                    run.events.append(event)
                    if event["kind"] == "ended":
                        run.ended.add(event["job"])
        except _GONE:
            time.sleep(0.02)
