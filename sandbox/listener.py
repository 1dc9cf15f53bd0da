"""The threaded HTTP/1.1 server: one thread per connection, keep-alive, prompt and complete shutdown."""

import contextlib
import logging
import select
import socket
import struct
import threading
import time
from collections.abc import Callable

from sandbox.messages import BadRequest, Request, Response, json_response
from sandbox.wire import Reader, body_length, encode_response

logger = logging.getLogger("sandbox")

_IDLE_SECONDS = 75.0
_JOIN_SECONDS = 1.0
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)

Answer = Callable[[Request], Response]


class Listener:
    """Owns the listening socket and every connection.

    In: the address, and the function that answers a request. Out: `port`, and `stopping`, an event that any
    answer which waits must wait on, so that shutdown never waits for it.
    """

    def __init__(self, host: str, port: int, answer: Answer, stopping: threading.Event) -> None:
        self._answer = answer
        self._stopping = stopping
        self._lock = threading.Lock()
        self._connections: dict[socket.socket, threading.Thread] = {}
        self._socket = _listening_socket(host, port)
        self._wake, self._woken = socket.socketpair()
        self.host: str = host
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, name="sandbox-accept", daemon=True)

    def start(self) -> None:
        """Begin accepting connections, in a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """End everything: no new connections, open ones cut, threads gone. Safe to call twice."""
        if self._socket.fileno() < 0:
            return
        self._stopping.set()
        self._wake.send(b"x")
        self._thread.join()
        self._socket.close()
        self._wake.close()
        self._woken.close()
        with self._lock:
            connections = list(self._connections.items())
        for sock, _ in connections:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        deadline = time.monotonic() + _JOIN_SECONDS
        for _, thread in connections:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _accept(self) -> None:
        while not self._stopping.is_set():
            select.select([self._socket, self._woken], [], [])
            if self._stopping.is_set():
                return
            try:
                sock, _ = self._socket.accept()
            except OSError:
                continue  # the client gave up between knocking and our accept
            thread = threading.Thread(target=self._serve, args=(sock,), name="sandbox-connection", daemon=True)
            with self._lock:
                self._connections[sock] = thread
            thread.start()

    def _serve(self, sock: socket.socket) -> None:
        try:
            sock.settimeout(_IDLE_SECONDS)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._exchange(sock, Reader(sock))
        except OSError:
            pass  # the client went away, was idle too long, or we are stopping: nothing to tell anyone
        finally:
            with self._lock:
                self._connections.pop(sock, None)
            sock.close()

    def _exchange(self, sock: socket.socket, reader: Reader) -> None:
        """Answer request after request until either side has had enough."""
        while not self._stopping.is_set():
            try:
                head = reader.head()
                if head is None:
                    return
                length = body_length(head.headers)
            except BadRequest as error:
                self._refuse(sock, reader, error)
                return
            if head.headers.get("expect", "").lower() == "100-continue":
                sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            body = reader.body(length) if length else b""
            if body is None:
                return
            request = Request(head.method, head.path, head.query_string, head.headers, body, time.time())
            response = self._safe_answer(request)
            if response.abort:
                if response.abort == "reset":
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
                return
            head_only = head.method == "HEAD"
            sock.sendall(encode_response(response, head_only=head_only, keep_alive=head.keep_alive))
            if not head.keep_alive:
                return

    def _safe_answer(self, request: Request) -> Response:
        """The answer, or a JSON error: what goes wrong in here is logged and never shown to the client."""
        try:
            return self._answer(request)
        except BadRequest as error:
            return json_response(error.status, {"code": "bad_request", "message": error.message})
        except Exception:
            logger.exception("The sandbox failed on %s %s", request.method, request.path)
            return json_response(500, {"code": "sandbox_error", "message": "The sandbox itself failed; see its log"})

    def _refuse(self, sock: socket.socket, reader: Reader, error: BadRequest) -> None:
        response = json_response(error.status, {"code": "bad_request", "message": error.message})
        sock.sendall(encode_response(response, head_only=False, keep_alive=False))
        sock.shutdown(socket.SHUT_WR)
        reader.discard()


def _listening_socket(host: str, port: int) -> socket.socket:
    """A bound and listening socket, or OSError when the address cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # else a restart waits for TIME_WAIT
        sock.bind((host, port))
        sock.listen(256)
    except OSError:
        sock.close()
        raise
    return sock
