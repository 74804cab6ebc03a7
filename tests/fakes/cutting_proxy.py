"""A proxy that cuts one connection at one byte: of the request on its way there, or of the answer on its way back."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from urllib.parse import urlsplit


class CuttingProxy:
    """Passes everything on, except that a request whose first line begins with `target` is cut as `cut` says."""

    def __init__(self, upstream: str, target: bytes) -> None:
        parts = urlsplit(upstream)
        assert parts.port is not None
        self._upstream, self._path = ("127.0.0.1", parts.port), parts.path
        self._target = target
        self.cut: tuple[str, int] | None = None
        """(`request` or `answer`, bytes that still pass), used once; None passes everything."""
        self.request_bytes = 0
        """Length of the last targeted request, and of its answer, when nothing was cut."""
        self.answer_bytes = 0
        self.url = ""
        self._loop = asyncio.new_event_loop()
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> CuttingProxy:
        self._thread.start()
        assert self._started.wait(10)
        return self

    def __exit__(self, *error: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}{self._path}"
        self._started.set()
        self._loop.run_forever()
        server.close()
        self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request a connection, so that a cut hits nothing else."""
        with contextlib.suppress(OSError, EOFError):
            request = await self._message(reader)
            targeted = request.startswith(self._target)
            where, at = self.cut if targeted and self.cut is not None else ("", 0)
            if targeted:
                self.cut = None
            there, there_writer = await asyncio.open_connection(*self._upstream)
            there_writer.write(request[:at] if where == "request" else request)
            await there_writer.drain()
            if where == "request":
                # A whole request is answered, and the answer is lost; of a part nothing more will ever come.
                if at < len(request):
                    there_writer.write_eof()
                with contextlib.suppress(OSError):
                    await there.read()
            else:
                answer = await self._message(there)
                if targeted:
                    self.request_bytes, self.answer_bytes = len(request), len(answer)
                writer.write(answer[:at] if where == "answer" else answer)
                await writer.drain()
            there_writer.close()
        writer.close()

    async def _message(self, reader: asyncio.StreamReader) -> bytes:
        """A whole HTTP message with a Content-Length; the connection is told to close after it."""
        head = await reader.readuntil(b"\r\n\r\n")
        length = 0
        kept = []
        for line in head.split(b"\r\n"):
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
            if name.lower() != b"connection":
                kept.append(line)
        body = await reader.readexactly(length)
        return b"\r\n".join([kept[0], b"Connection: close", *kept[1:]]) + body
