"""The HTML of the pages that answer questions. All that an agent has written is text in it. Pure."""

from __future__ import annotations

from html import escape
from itertools import zip_longest

from luzia_protocol.activity import Question
from luzia_protocol.jobs import Job

_FRAME = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{title} · luzia</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<link rel="icon" href="/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/tokens.css">
<link rel="stylesheet" href="/answer.css">
</head>
<body>
<main>
{content}
</main>
</body>
</html>
"""

MAX_SHOWN_CHARS = 20_000


def ask(job: Job, question: Question, token: str, choice: str) -> str:
    """The page of a question. choice: `allow` or `deny` when the link has named it, so that only that is offered."""
    words = "needs a permission" if question.type == "permission" else "asks"
    parts = [
        f"<h1>{_text(job.agent)} {words}</h1>",
        f"<p>{_text(job.project)}, job <code>{_text(job.id)}</code></p>",
        f'<p class="task">{_text(job.task)}</p>',
    ]
    path = f"/answer/{escape(token)}"
    if question.type == "permission":
        parts.append(f"<h2>{_text(question.tool)}</h2><pre>{_text(question.text)}</pre>")
        parts += _permission_forms(path, choice)
    else:
        parts += _question_forms(path, question, choice)
    if choice in ("allow", "deny"):
        parts.append(f'<p><a href="{path}">Other answers</a></p>')
    return _FRAME.format(title="Question", content="\n".join(parts))


def tell(title: str, text: str) -> str:
    """A page that says what has happened."""
    return _FRAME.format(title=escape(title), content=f"<h1>{escape(title)}</h1>\n<p>{_text(text)}</p>")


def _permission_forms(path: str, choice: str) -> list[str]:
    allow = _form(f"{path}/allow", "", "Allow")
    deny = _form(f"{path}/deny", "", "Deny")
    instead = _form(f"{path}/deny", _field("What it should do instead"), "Deny, and say so")
    match choice:
        case "allow":
            return [allow]
        case "deny":
            return [deny]
    return [allow, deny, instead]


def _question_forms(path: str, question: Question, choice: str) -> list[str]:
    deny = _form(f"{path}/deny", "", "Decline to answer")
    if choice == "deny":
        return [f"<pre>{_text(question.text)}</pre>", deny]
    fields = []
    for part in question.parts:
        options = [
            f"<li>{_text(': '.join(each for each in words if each))}</li>"
            for words in zip_longest(part.options, part.descriptions, fillvalue="")
        ]
        listed = f"<ol>{''.join(options)}</ol>" if options else ""
        label = (
            "A text"
            if not options
            else "Numbers, separated by commas, or a text"
            if part.many
            else "A number, or a text"
        )
        fields.append(f"<p>{_text(part.text)}</p>{listed}{_field(label)}")
    return [_form(f"{path}/text", "".join(fields), "Answer"), deny]


def _form(action: str, fields: str, button: str) -> str:
    return f'<form method="post" action="{action}">{fields}<button>{button}</button></form>'


def _field(label: str) -> str:
    return f'<label>{label}<input name="text" required maxlength="4000" autocomplete="off"></label>'


def _text(text: str) -> str:
    """Text of an agent or a user: escaped, bounded, and without the marks that change the direction of what follows."""
    shown = "".join(character for character in text[:MAX_SHOWN_CHARS] if character not in _DIRECTIONS)
    return escape(shown) + ("…" if len(text) > MAX_SHOWN_CHARS else "")


_DIRECTIONS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
