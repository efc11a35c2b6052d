"""What the full-text search takes over large logs: indexing an ended attempt, the size of the index, and answers.

As a program it takes the size of the logs in GB: `python tests/bench/fulltext.py 2`. The logs are transcripts of Claude
Code with messages, tool calls and results of a vocabulary in which few words are frequent, as in languages.
"""

from __future__ import annotations

import itertools
import json
import math
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from luziad.agents import claude_transcript  # noqa: E402
from luziad.fulltext.excerpt import find_excerpt  # noqa: E402
from luziad.fulltext.index import AttemptTexts, Index, JobTexts  # noqa: E402
from luziad.fulltext.query import parse_query  # noqa: E402

LOG_BYTES = 1_000_000
SMALL_GB = 0.2
BLOCKS = 1500
VOCABULARY = 50_000
HITS = 20
ROUNDS = 5
FOR_EVER_S = 3600.0


class Searched(NamedTuple):
    """attempts: how many there were. index_ms: processor time of indexing one, in ms. part: index size by log size.

    Milliseconds until 20 jobs with their excerpts are found, medians: for a word that one job has, that all have, that
    none has, for a phrase, and for a prefix.
    """

    attempts: int
    index_ms: float
    part: float
    rare_ms: float
    common_ms: float
    none_ms: float
    phrase_ms: float
    prefix_ms: float


def make_blocks(draw: random.Random) -> tuple[list[str], list[bytes]]:
    """The vocabulary, the most frequent word first, and lines of transcripts made of it."""
    words = ["".join(draw.choices("abcdefghijklmnopqrstuvwxyz", k=draw.randint(2, 10))) for _ in range(VOCABULARY)]
    weights = list(itertools.accumulate(1 / (rank + 1) for rank in range(VOCABULARY)))
    return words, [
        _block(draw, draw.choices(words, cum_weights=weights, k=draw.randint(20, 400))) for _ in range(BLOCKS)
    ]


def measure(gigabytes: float = SMALL_GB) -> Searched:
    """Index logs of this size, and search in them."""
    draw = random.Random(1)
    words, blocks = make_blocks(draw)
    attempts = max(1, round(gigabytes * 1e9 / LOG_BYTES))
    with tempfile.TemporaryDirectory(prefix="lz-") as directory:
        index = Index(Path(directory) / "search.db", 1 << 40)
        used_s = 0.0
        for n in range(1, attempts + 1):
            log = Path(directory) / "stdout"
            write_log(log, draw, blocks, n)
            texts = AttemptTexts(
                1, f"done with ticket{n}", [f"src/m{n % 97}.py"], str(log), "", claude_transcript.entries
            )
            job = JobTexts(n, f"job-{n}", n, f"please fix ticket{n} in the parser", [texts])
            began = time.thread_time()
            index.put([job], math.inf)
            used_s += time.thread_time() - began
        index.close()
        size = sum(file.stat().st_size for file in Path(directory).glob("search.db*"))
        queries = (
            f"ticket{attempts // 2}",
            words[0],
            "nothingofthekind",
            f'"{words[0]} {words[1]}"',
            f"{words[5][:2]}*",
        )
        times = [statistics.median(_answered_ms(index, query) for _ in range(ROUNDS)) for query in queries]
        index.close()
    return Searched(attempts, used_s / attempts * 1000, size / (attempts * LOG_BYTES), *times)


def _block(draw: random.Random, words: list[str]) -> bytes:
    text = " ".join(words)
    if draw.random() < 0.3:
        content = [{"type": "text", "text": text}]
        return json.dumps({"type": "assistant", "parent_tool_use_id": None, "message": {"content": content}}).encode()
    lines = text.replace(" ", "\n", len(words) // 8)
    result = [{"type": "tool_result", "tool_use_id": "toolu_01", "content": lines * 3}]
    return json.dumps({"type": "user", "parent_tool_use_id": None, "message": {"content": result}}).encode()


def write_log(path: Path, draw: random.Random, blocks: list[bytes], n: int, log_bytes: int = LOG_BYTES) -> None:
    """Write a transcript in which the word `ticket` with the number n occurs once."""
    said = [{"type": "text", "text": f"begin with ticket{n}"}]
    first = json.dumps({"type": "assistant", "parent_tool_use_id": None, "message": {"content": said}}).encode()
    size, lines = 0, [first]
    while size < log_bytes:
        lines.append(draw.choice(blocks))
        size += len(lines[-1]) + 1
    path.write_bytes(b"\n".join(lines) + b"\n")


def _answered_ms(index: Index, words: str) -> float:
    began = time.perf_counter()
    query = parse_query(words)
    places, _ = index.find(query.match, 1 << 40, 200, time.monotonic() + FOR_EVER_S)
    for place in places[:HITS]:
        texts = index.texts(place)
        assert texts is not None
        find_excerpt(texts, query.terms)
    return (time.perf_counter() - began) * 1000


if __name__ == "__main__":
    print(measure(float(sys.argv[1]) if len(sys.argv) > 1 else SMALL_GB))
