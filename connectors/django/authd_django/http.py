"""Questions to authd over HTTP, each within a time and a size, and without following anybody elsewhere."""

from __future__ import annotations

import http.client
import io
import socket
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode, urlsplit

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import ConnectionPool

from .conf import Settings
from .errors import NotOurs, Unavailable

#: Bytes of an answer at most.
MAX_ANSWER: Final = 1024 * 1024
MAX_PAGE: Final = 16 * MAX_ANSWER
_CHUNK: Final = 64 * 1024


class Answer(NamedTuple):
    """A whole answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class _WithinTime(io.RawIOBase):
    """What a socket still has to say, all of it before the time is over: not so long for each byte."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket) -> None:
        self._raw, self._sock = raw, sock
        self._end = time.monotonic() + (sock.gettimeout() or 0.0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        rest = self._end - time.monotonic()
        if rest <= 0:
            raise TimeoutError("the answer takes too long")
        self._sock.settimeout(rest)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Response(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp: io.BufferedReader = io.BufferedReader(_WithinTime(self.fp.detach(), sock))


class _Connection(HTTPConnection):
    response_class = _Response


class _TlsConnection(HTTPSConnection):
    response_class = _Response


class _Pool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


class _Retry(urllib3.Retry):
    """Once more if the connection broke, as one does that was kept too long; not if time ran out."""

    def increment(
        self,
        method: str | None = None,
        url: str | None = None,
        response: urllib3.BaseHTTPResponse | None = None,
        error: Exception | None = None,
        _pool: ConnectionPool | None = None,
        _stacktrace: TracebackType | None = None,
    ) -> _Retry:
        """What is left of the tries after this error."""
        if isinstance(error, urllib3.exceptions.TimeoutError):
            raise error
        return super().increment(method, url, response, error, _pool, _stacktrace)


_ONCE_MORE: Final = _Retry(
    total=1, redirect=0, status=0, backoff_factor=0, allowed_methods=None, respect_retry_after_header=False
)


class Transport:
    """A pool of connections to one authd."""

    def __init__(self, settings: Settings) -> None:
        parts = urlsplit(settings.url)
        self._prefix = parts.path
        self._timeout, self._connect_timeout = settings.timeout, settings.connect_timeout
        options: dict[str, Any] = {"maxsize": settings.pool_size, "block": False}
        host = str(parts.hostname)
        self._pool: urllib3.HTTPConnectionPool
        if parts.scheme == "https":
            self._pool = _TlsPool(host, parts.port, ca_certs=settings.ca_file or None, **options)
        else:
            self._pool = _Pool(host, parts.port, **options)

    def request(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        *,
        form: Mapping[str, str] | None = None,
        wait: float = 0.0,
        limit: int = MAX_ANSWER,
    ) -> Answer:
        """Asks, and reads the answer whole. `wait`: seconds for which authd was asked to wait."""
        sent = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "authd-django", **headers}
        body = None
        if form is not None:
            sent["Content-Type"] = "application/x-www-form-urlencoded"
            body = urlencode(form)
        try:
            response = self._pool.urlopen(
                method,
                self._prefix + path,
                body=body,
                headers=sent,
                retries=_ONCE_MORE,
                redirect=False,
                timeout=urllib3.Timeout(connect=self._connect_timeout, read=self._timeout + wait),
                preload_content=False,
                decode_content=False,
            )
            return self._whole(response, limit)
        except (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError) as error:
            raise Unavailable(_sentence(error)) from None

    @staticmethod
    def _whole(response: urllib3.BaseHTTPResponse, limit: int) -> Answer:
        try:
            if response.headers.get("Content-Encoding", "identity") != "identity":
                raise NotOurs("the answer is compressed, which nobody asked for")
            body = bytearray()
            while chunk := response.read1(_CHUNK):
                body += chunk
                if len(body) > limit:
                    raise NotOurs(f"the answer is longer than {limit} bytes")
        except BaseException:
            response.close()
            raise
        response.release_conn()
        if 300 <= response.status < 400 and response.status != 304:
            raise NotOurs(f"it answered {response.status}, which leads elsewhere")
        return Answer(response.status, response.headers, bytes(body))

    def close(self) -> None:
        """Closes what rests in the pool."""
        self._pool.close()


def _sentence(error: Exception) -> str:
    """What went wrong, without what was sent."""
    cause = getattr(error, "reason", None) or error
    is_late = isinstance(cause, (urllib3.exceptions.TimeoutError, TimeoutError))
    # A connection that is refused counts as late to urllib3.
    if is_late and not isinstance(cause, urllib3.exceptions.NewConnectionError):
        return "it did not answer in time"
    return f"it could not be asked ({type(cause).__name__})"
