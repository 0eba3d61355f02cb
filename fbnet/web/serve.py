"""Shows the pages on this machine or, where asked to, on the network, and takes results back."""

import json
import socket
import ssl
import sys
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from http.client import HTTPMessage
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from fbnet.errors import BadInput, Failure
from fbnet.progress import say
from fbnet.web.site import INDEX, KIT

Take = Callable[[str], dict[str, Any]]
"""Takes a page's CSV; returns what the page is answered.

Raises BadInput, and Failure where it cannot write.
"""
LOOPBACK = ("127.0.0.1", "localhost", "::1")
ANY = ("0.0.0.0", "::")
RESULTS = "/results"
LARGEST_RESULTS = 2**20
"""Bytes that a page may send back."""
TYPES = {".mjs": "text/javascript", ".js": "text/javascript", ".wasm": "application/wasm"}
ISOLATION = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
}
"""Together they make a page cross-origin isolated: finer timers, and threads for wasm. Browsers
heed them on https and on their own machine alone, and complain of them elsewhere."""
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
}


def serve(
    folder: Path, host: str, port: int, certificate: Path | None, tables: Path | None
) -> None:
    """Show the pages in a folder until Ctrl-C.

    tables: where the tables go that are made of what pages send back; None takes nothing.
    """
    take = None
    if tables is not None:
        from fbnet.web.measured import take as keep

        def take(text: str) -> dict[str, Any]:
            answer = keep(text, folder / KIT, tables)
            say(f"{answer['table']}: dvc exp run -S lut.source=file -S lut.file={answer['table']}")
            return answer

    with Server(folder, host, port, take, certificate) as server:
        if host not in LOOPBACK:
            say("everybody in this network can open these pages and send tables here")
        say(f"{server.address} and {server.address}measure.html, until Ctrl-C")
        with suppress(KeyboardInterrupt):
            server.serve_forever()


class Server(ThreadingHTTPServer):
    """A server of one folder of pages. `take`: what results go to; without it none are taken."""

    daemon_threads = True

    def __init__(
        self,
        folder: Path,
        host: str = "127.0.0.1",
        port: int = 0,
        take: Take | None = None,
        certificate: Path | None = None,
    ) -> None:
        """Listen. certificate: PEM file of certificate and key, for https.

        Raises Failure where host and port cannot be had, BadInput for a wrong certificate.
        """
        self.folder, self.take, self.host = folder, take, host
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            super().__init__((host, port), _Handler)
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise Failure(
                f"{host}:{port}: cannot be served there ({reason}); take another --host or --port"
            ) from None
        self.scheme = "http"
        if certificate is not None:
            try:
                context = tls_of(certificate)
            except BadInput:
                self.server_close()
                raise
            # The handshake is left to each connection's own thread: one may never answer.
            self.socket = context.wrap_socket(
                self.socket, server_side=True, do_handshake_on_connect=False
            )
            self.scheme = "https"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A visitor who leaves, or who speaks no TLS, is no fault of ours."""
        if not isinstance(sys.exc_info()[1], ConnectionError | ssl.SSLError | TimeoutError):
            super().handle_error(request, client_address)

    @property
    def address(self) -> str:
        """The address to open; of this machine in its network where all of it is served."""
        host = _own_address() if self.host in ANY else self.host
        return f"{self.scheme}://{f'[{host}]' if ':' in host else host}:{self.server_port}/"

    def isolates(self, host: str) -> bool:
        """Whether a browser that named this host in its request heeds `ISOLATION`."""
        return self.scheme == "https" or _is_loopback(host)

    def trusts(self, host: str, origin: str | None) -> bool:
        """Whether a request is of one of our own pages: no other site may send results here."""
        if self.host in LOOPBACK and not _is_loopback(host):
            return False  # another site's name that was pointed at this machine
        return origin is None or urlsplit(origin).netloc == host


def tls_of(certificate: Path) -> ssl.SSLContext:
    """What encrypts the server's connections. Raises BadInput for no PEM of certificate and key."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(certificate)
    except OSError as error:
        raise BadInput(f"{certificate}: not a PEM file of certificate and key ({error})") from None
    return context


def _is_loopback(host: str) -> bool:
    """Whether a request's header Host names the machine that its browser runs on."""
    try:
        return urlsplit(f"//{host}").hostname in LOOPBACK
    except ValueError:  # of no form that a host has
        return False


def _own_address() -> str:
    """The address of this machine in its network; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # an address of documentation (RFC 5737)
            return str(probe.getsockname()[0])
        except OSError:
            return "127.0.0.1"


class _Handler(SimpleHTTPRequestHandler):
    server: Server
    headers = HTTPMessage()  # until those of a request are read, which may be none
    extensions_map = SimpleHTTPRequestHandler.extensions_map | TYPES

    def __init__(self, request: Any, address: Any, server: Server) -> None:
        super().__init__(request, address, server, directory=str(server.folder))

    def do_GET(self) -> None:
        """A file; the index says whether results are taken."""
        if urlsplit(self.path).path != f"/{INDEX}":
            return super().do_GET()
        index = json.loads((self.server.folder / INDEX).read_text())
        self._answer(HTTPStatus.OK, index | {"takes_results": self.server.take is not None})

    def do_POST(self) -> None:
        """Results of a page, as text/csv."""
        length = self.headers.get("Content-Length", "")
        trusted = self.server.trusts(self.headers.get("Host", ""), self.headers.get("Origin"))
        if self.path != RESULTS or self.server.take is None:
            return self._answer(HTTPStatus.NOT_FOUND, {"refused": "nothing is taken here"})
        # A type that no page of another site may send without asking first.
        if not trusted or self.headers.get_content_type() != "text/csv":
            return self._answer(HTTPStatus.FORBIDDEN, {"refused": "not sent by these pages"})
        if not length.isdecimal() or int(length) > LARGEST_RESULTS:
            return self._answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, {"refused": "too large"})
        try:
            taken = self.server.take(self.rfile.read(int(length)).decode())
        except (BadInput, Failure, UnicodeDecodeError) as error:
            return self._answer(HTTPStatus.UNPROCESSABLE_ENTITY, {"refused": str(error)})
        self._answer(HTTPStatus.OK, taken)

    def list_directory(self, path: Any) -> None:
        """No lists of files."""
        self.send_error(HTTPStatus.NOT_FOUND)

    def end_headers(self) -> None:
        """The headers of every answer."""
        isolation = ISOLATION if self.server.isolates(self.headers.get("Host", "")) else {}
        for name, value in (HEADERS | isolation).items():
            self.send_header(name, value)
        super().end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is logged."""

    def _answer(self, status: HTTPStatus, value: dict[str, Any]) -> None:
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
