"""The pages behind the links of notices: each shows the question of its link, and answers it by POST only.

The link is signed and takes the place of a session. A page needs no script.
"""

from __future__ import annotations

import time
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from luzia_protocol import replies, requests
from luzia_protocol.activity import Question
from luzia_protocol.errors import ErrorCode, LuziaError, Refused
from luzia_protocol.jobs import Job, JobState

from luzia_client.api.async_caller import AsyncCaller
from luzia_client.notify import NotifyError
from luzia_client.notify.answer_links import Asked, InvalidLinkError, read_key, read_token
from luzia_client.transport.endpoint import DaemonUnreachableError
from luzia_client.web import answer_page
from luzia_client.web.errors import WebError

CHOICES = ("allow", "deny", "text")
"""The last part of an address that answers."""
MAX_FIELDS = 100


class ClosedQuestionError(LuziaError):
    """The question is not open any more."""


class Answers:
    """The handlers. socket: the path of the daemon's socket. read_only: show questions, and answer none."""

    def __init__(self, socket: str, *, read_only: bool) -> None:
        self._caller = AsyncCaller(socket, False, 0.0)
        self._read_only = read_only

    def routes(self) -> list[Route]:
        """The paths, below `/answer/`."""
        return [
            Route("/answer/{token}", self.show),
            Route("/answer/{token}/{choice}", self.show, methods=["GET"]),
            Route("/answer/{token}/{choice}", self.answer, methods=["POST"]),
        ]

    async def show(self, request: Request) -> Response:
        """What is asked, and buttons that answer it; this changes nothing."""
        try:
            job, question = await self._find(request)
        except LuziaError as exc:
            return _refuse(exc)
        choice = request.path_params.get("choice", "")
        return _page(200, answer_page.ask(job, question, request.path_params["token"], choice))

    async def answer(self, request: Request) -> Response:
        """Answer the question."""
        choice = request.path_params["choice"]
        try:
            job, question = await self._find(request)
            if self._read_only:
                raise NotifyError("this server is read-only", "Answer with `luzia answer`.")
            words = _words(choice, await request.body())
            asked = requests.Answer(job=job.id, words=words, question=question.id)
            await self._caller.request(asked, replies.JobChange)
        except LuziaError as exc:
            return _refuse(exc)
        return _page(200, answer_page.tell(*_done(choice, words)))

    async def _find(self, request: Request) -> tuple[Job, Question]:
        """The question of the link, if it is open. Raises LuziaError."""
        asked = read_token(read_key(), request.path_params["token"], time.time())
        if request.path_params.get("choice", "allow") not in CHOICES:
            raise InvalidLinkError("this link is not valid", "Open it as it was sent.")
        job = (await self._caller.request(requests.Status(job=asked.job), replies.StatusResult)).job
        return job, _open_question(job, asked)


def _open_question(job: Job, asked: Asked) -> Question:
    """Raises ClosedQuestionError."""
    if job.state.is_final:
        raise ClosedQuestionError(f"the job has ended: it is {job.state.replace('_', ' ')}")
    if job.state is JobState.WAITING and job.attempt == asked.attempt and job.question is not None:
        open_ones: list[Question] = [job.question, *(job.activity.asked if job.activity is not None else [])]
        for question in open_ones:
            if question.id == asked.question:
                return question
    raise ClosedQuestionError("this question has been answered, or is not asked any more")


def _words(choice: str, body: bytes) -> list[str]:
    """The words of an answer, as `luzia answer` has them. Raises WebError.

    body: that of a form with fields named `text`.
    """
    try:
        texts = parse_qs(body.decode(errors="replace"), max_num_fields=MAX_FIELDS).get("text", [])
    except ValueError as exc:
        raise WebError(400, "bad_request", f"the form has more than {MAX_FIELDS} fields") from exc
    if choice == "text":
        return texts
    return [choice, *texts] if choice == "deny" else [choice]


def _done(choice: str, words: list[str]) -> tuple[str, str]:
    match choice:
        case "allow":
            return "Allowed", "The agent continues."
        case "deny":
            return "Denied", "The agent has been told."
    return "Answered", f"The agent has got: {', '.join(words)}"


def _refuse(exc: LuziaError) -> Response:
    match exc:
        case InvalidLinkError(expired=expired):
            status = 410 if expired else 403
        case NotifyError():
            status = 403
        case WebError(status=status):
            pass
        case ClosedQuestionError() | Refused(code=ErrorCode.JOB_NOT_WAITING | ErrorCode.UNKNOWN_JOB):
            status = 410
        case DaemonUnreachableError():
            return _page(503, answer_page.tell("Not answered", "luziad does not answer. The link stays valid."))
        case Refused(code=ErrorCode.BAD_REQUEST):
            status = 400
        case _:
            status = 409
    return _page(status, answer_page.tell("Not answered", f"{exc.message}. {exc.hint}".strip()))


def _page(status: int, text: str) -> Response:
    return HTMLResponse(text, status)
