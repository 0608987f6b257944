"""An answer without a body whose head was put together beforehand: only date and connection are added."""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.helpers import rfc822_formatted_time


def head_of(headers: Mapping[str, str]) -> str:
    """Return the headers as they are sent, in lines."""
    lines = [f"{name}: {value}" for name, value in headers.items()]
    if any(sign in line for line in lines for sign in "\r\n\0"):
        raise ValueError("a header must be one line")
    return "\r\n".join(lines)


class Ready(web.StreamResponse):
    """Answers `status` with the headers of `head`, all of them, in one write.

    Building, merging and writing ten headers costs aiohttp more than all the rest of a redirect.
    """

    def __init__(self, status: int, head: str) -> None:
        super().__init__(status=status)
        self._head = head
        self._stays = False

    @property
    def keep_alive(self) -> bool:
        return self._stays

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter:
        self._stays = request.keep_alive
        connection = "keep-alive" if self._stays else "close"
        await request.writer.write(
            f"HTTP/1.1 {self.status} {self.reason}\r\n{self._head}\r\nDate: {rfc822_formatted_time()}\r\n"
            f"Content-Length: 0\r\nConnection: {connection}\r\n\r\n".encode()
        )
        return request.writer

    async def write_eof(self, data: bytes = b"") -> None:
        """Everything has been said."""
