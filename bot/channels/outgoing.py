"""The wire to a platform: one HTTP call, and after a failure the one question that counts: can it have arrived?"""

import ipaddress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import aiohttp

CONNECTIONS = 100
# Below the servers' own limits: if they close a connection just as we write, nobody knows what became of the message.
KEEP_IDLE_SECONDS = 15.0
ANSWER_LIMIT_BYTES = 4 * 1024 * 1024


class NotSent(Exception):
    """The connection never came about (refused, no such host, connect time-out): the platform has seen nothing."""


class Unanswered(Exception):
    """The request left us and no whole answer came back: it may have been carried out."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Limits in seconds: `connect` includes the wait for a free connection, `answer` the wait for each part of it."""

    connect: float = 5.0
    upload: float = 20.0
    answer: float = 10.0

    def for_call(self) -> aiohttp.ClientTimeout:
        return aiohttp.ClientTimeout(
            total=self.connect + self.upload + self.answer,
            connect=self.connect,
            sock_connect=self.connect,
            sock_read=self.answer,
        )


class Wire:
    """Connections to one platform server, opened at the first call. It belongs to the event loop that first used it."""

    def __init__(self, api_url: str, *, connections: int = CONNECTIONS) -> None:
        self._connections = connections
        # The system's proxy is for the world outside: a server on this machine is reached directly.
        self._use_system_proxy = not _is_this_machine(api_url)
        self._session: aiohttp.ClientSession | None = None

    async def call(
        self,
        method: str,
        url: str,
        *,
        limits: Timeouts,
        limit_bytes: int = ANSWER_LIMIT_BYTES,
        **request: Any,
    ) -> tuple[int, bytes]:
        """Return status and body. Redirects are not followed.

        Raises NotSent or Unanswered; neither they nor their text carry the URL, which may contain a token.
        """
        session = self._opened()
        try:
            async with session.request(
                method, url, timeout=limits.for_call(), allow_redirects=False, **request
            ) as response:
                return response.status, await _body(response, limit_bytes)
        except (
            aiohttp.ClientConnectorError,
            aiohttp.ClientHttpProxyError,
            aiohttp.ConnectionTimeoutError,
            aiohttp.InvalidURL,
        ) as failure:
            raise NotSent(_name(failure)) from None
        except (aiohttp.ClientError, TimeoutError, OSError) as failure:
            raise Unanswered(_name(failure)) from None

    async def close(self) -> None:
        """Close all connections; a later call opens new ones."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    @property
    def is_open(self) -> bool:
        return self._session is not None

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=self._connections, keepalive_timeout=KEEP_IDLE_SECONDS),
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=self._use_system_proxy,
            )
        return self._session


async def _body(response: aiohttp.ClientResponse, limit_bytes: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for part in response.content.iter_any():
        parts.append(part)
        size += len(part)
        if size > limit_bytes:
            raise aiohttp.ClientPayloadError("the answer is too long")
    return b"".join(parts)


def _name(failure: BaseException) -> str:
    """Return what happened without the address it happened to, as exception texts may repeat the whole URL."""
    cause = failure.os_error if isinstance(failure, aiohttp.ClientConnectorError) else failure
    detail = cause.strerror if isinstance(cause, OSError) and not isinstance(cause, TimeoutError) else None
    return f"{type(failure).__name__} ({detail})" if detail else type(failure).__name__


def _is_this_machine(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
