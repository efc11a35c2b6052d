"""Links by which a question is answered from a phone: signed, expiring, each bound to one question of one attempt.

Everyone who has the link may answer the question, so only a target that is to have it gets one. The daemon takes one
answer to a question: a link that was used, or whose question was answered elsewhere, answers nothing.
"""

from __future__ import annotations

import binascii
import contextlib
import hashlib
import hmac
import os
import secrets
import stat
from base64 import urlsafe_b64decode, urlsafe_b64encode
from pathlib import Path

import msgspec

from luzia_protocol import environment
from luzia_protocol.regular_files import open_regular

from luzia_client.notify import NotifyError

LINK_S = 24 * 3600.0
"""How long a link can be used."""

KEY_BYTES = 32
MAX_TOKEN_CHARS = 2048


class Asked(msgspec.Struct, frozen=True, array_like=True):
    """A question: its id, and the attempt whose agent asks it."""

    job: str
    attempt: int
    question: str


class _Grant(msgspec.Struct, frozen=True, array_like=True):
    """What is signed. expires: epoch seconds."""

    asked: Asked
    expires: float


class InvalidLinkError(NotifyError):
    """The link was not signed with the key. expired: it was, but can no longer be used."""

    def __init__(self, message: str, hint: str = "", *, expired: bool = False) -> None:
        super().__init__(message, hint)
        self.expired = expired


def key_file() -> Path:
    """The file of the key, which only its owner may read."""
    return Path(environment.state_dir(), "notify.key")


def create_key() -> bytes:
    """The key, which is made if there is none. Raises NotifyError."""
    path = key_file()
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary)
            with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
                file.write(secrets.token_bytes(KEY_BYTES))
            with contextlib.suppress(FileExistsError):
                os.link(temporary, path)  # whole, and never in place of another one
            os.unlink(temporary)
    except OSError as exc:
        raise NotifyError(f"cannot write {path}: {exc.strerror}") from exc
    return read_key()


def read_key() -> bytes:
    """The key. Raises NotifyError: there is none, or others may read it."""
    path = key_file()
    try:
        with open(open_regular(path, os.O_RDONLY), "rb") as file:
            if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
                raise NotifyError(
                    f"{path} can be read by other users", f"Delete it, and restart `luzia notify`: rm {path}"
                )
            key = file.read(KEY_BYTES + 1)
    except OSError as exc:
        raise NotifyError(f"cannot read {path}: {exc.strerror}") from exc
    if len(key) != KEY_BYTES:
        raise NotifyError(f"{path} does not contain a valid key", f"Delete it, and restart `luzia notify`: rm {path}")
    return key


def make_token(key: bytes, asked: Asked, expires: float) -> str:
    """The part of a link that names and signs the question. expires: epoch seconds."""
    content = msgspec.msgpack.encode(_Grant(asked, expires))
    return f"{_text(content)}.{_text(_sign(key, content))}"


def read_token(key: bytes, token: str, now: float) -> Asked:
    """The question of a link. now: epoch seconds. Raises InvalidLinkError."""
    content_text, _, signature_text = token.partition(".")
    try:
        if len(token) > MAX_TOKEN_CHARS:
            raise ValueError
        content, signature = _bytes(content_text), _bytes(signature_text)
        if not hmac.compare_digest(signature, _sign(key, content)):
            raise ValueError
        grant = msgspec.msgpack.decode(content, type=_Grant)
    except (ValueError, binascii.Error, msgspec.DecodeError) as exc:
        raise InvalidLinkError("this link is not valid", "Open it as it was sent.") from exc
    if grant.expires <= now:
        raise InvalidLinkError("this link has expired", "Answer on the page, or with `luzia answer`.", expired=True)
    return grant.asked


class AnswerLinks:
    """Makes links. page: the address of `luzia web`. Raises NotifyError when there can be no key."""

    def __init__(self, page: str) -> None:
        self._page = page.rstrip("/")
        self._key = create_key()

    def urls(self, asked: Asked, now: float, *, permission: bool) -> dict[str, str]:
        """The addresses by what they are for: `allow` and `deny`, which act on POST only, and `details`, a page.

        A question that is no permission request has no `allow`: it needs words. now: epoch seconds.
        """
        details = f"{self._page}/answer/{make_token(self._key, asked, now + LINK_S)}"
        choices = ("allow", "deny") if permission else ("deny",)
        return {choice: f"{details}/{choice}" for choice in choices} | {"details": details}


def _sign(key: bytes, content: bytes) -> bytes:
    return hmac.new(key, b"luzia answer\0" + content, hashlib.sha256).digest()


def _text(content: bytes) -> str:
    return urlsafe_b64encode(content).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    """Raises ValueError, also for another spelling of the same bytes."""
    content = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if _text(content) != text:
        raise ValueError
    return content
