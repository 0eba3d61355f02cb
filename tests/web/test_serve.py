"""The server of the pages: its headers, what it takes, what it refuses."""

import ipaddress
import json
import socket
import ssl
import threading
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from fbnet.errors import BadInput, CannotWrite, Failure
from fbnet.web.serve import LARGEST_RESULTS, Server


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "site.json").write_text('{"version": "1"}')
    (tmp_path / "a.mjs").write_text("export {};")
    (tmp_path / "inside").mkdir()
    return tmp_path


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A PEM file of a key and of a certificate for 127.0.0.1 that it signed itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "fbnet")])
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    days = [datetime(year, 1, 1, tzinfo=UTC) for year in (2020, 2120)]
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, *days)
        .add_extension(names, critical=False)
        .sign(key, hashes.SHA256())
    )
    path, pem = tmp_path / "own.pem", serialization.Encoding.PEM
    plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    path.write_bytes(key.private_bytes(pem, *plain) + signed.public_bytes(pem))
    return path


def ask(server: Server, path: str, data: bytes | None = None, **headers: str) -> tuple[int, Any]:
    """Status and body of an answer."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(f"{server.address}{path}", data, named)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        return error.code, error.read().decode()


def send(server: Server, data: bytes = b"name\n", **headers: str) -> tuple[int, Any]:
    """What the server answers to results that a page sends, but for these headers."""
    given = {"Content_Type": "text/csv", "Origin": server.address.rstrip("/")} | headers
    status, body = ask(server, "results", data, **given)
    return status, json.loads(body)


def test_pages_are_isolated_and_folders_not_listed(
    folder: Path, served: Callable[..., Server]
) -> None:
    server = served(folder)
    with urllib.request.urlopen(f"{server.address}a.mjs", timeout=10) as answer:
        headers = dict(answer.headers)
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cross-Origin-Embedder-Policy"] == "require-corp"
    assert headers["Content-type"] == "text/javascript"
    assert ask(server, "inside/")[0] == 404
    assert json.loads(ask(server, "site.json")[1]) == {"version": "1", "takes_results": False}
    assert send(server) == (404, {"refused": "nothing is taken here"})


@pytest.mark.parametrize(
    ("host", "heeded"),
    [
        ("localhost:8000", True),
        ("127.0.0.1", True),
        ("[::1]:8000", True),
        ("192.168.1.7:8000", False),
        ("localhost.elsewhere.example", False),
        ("[broken", False),
    ],
)
def test_browsers_are_asked_to_isolate_pages_where_they_do(
    host: str, heeded: bool, folder: Path, served: Callable[..., Server]
) -> None:
    request = urllib.request.Request(f"{served(folder).address}a.mjs", headers={"Host": host})
    with urllib.request.urlopen(request, timeout=10) as answer:
        names = [name for name in answer.headers if name.startswith("Cross-Origin")]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert len(names) == (2 if heeded else 0)


def test_a_request_that_cannot_be_read_is_answered(
    folder: Path, served: Callable[..., Server]
) -> None:
    with socket.create_connection(("127.0.0.1", served(folder).server_port), 10) as visitor:
        visitor.sendall(b"what is this\r\n\r\n")
        assert b"400" in visitor.recv(4096)


def test_results_are_taken_from_our_own_pages_alone(
    folder: Path, served: Callable[..., Server]
) -> None:
    sent: list[str] = []

    def take(text: str) -> dict[str, Any]:
        sent.append(text)
        if "bad" in text:
            raise BadInput("the results: model a: not measured")
        return {"table": "a.json", "error": None}

    server = served(folder, take)
    assert json.loads(ask(server, "site.json")[1])["takes_results"] is True
    assert send(server) == (200, {"table": "a.json", "error": None})
    assert send(server, b"bad") == (422, {"refused": "the results: model a: not measured"})
    assert send(server, b"\xff")[0] == 422
    assert sent == ["name\n", "bad"]
    for headers in (
        {"Origin": "https://elsewhere.example"},
        {"Content_Type": "text/plain"},
        # Another site's name that was pointed at this machine: its pages are of that origin.
        {"Host": "elsewhere.example", "Origin": "http://elsewhere.example"},
    ):
        assert send(server, **headers) == (403, {"refused": "not sent by these pages"})
    assert send(server, Content_Length=str(LARGEST_RESULTS + 1))[0] == 413
    assert len(sent) == 2


def test_what_cannot_be_served_is_one_line(folder: Path, served: Callable[..., Server]) -> None:
    with pytest.raises(Failure, match=r"127\.0\.0\.1:\d+: cannot be served there \(Address"):
        Server(folder, port=served(folder).server_port)
    with pytest.raises(Failure, match=r"70000: cannot be served there .* another --host or --port"):
        Server(folder, port=70000)
    with pytest.raises(BadInput, match=r"a\.mjs: not a (PEM file of )?certificate and (its )?key"):
        Server(folder, certificate=folder / "a.mjs")


def test_what_cannot_be_written_is_answered(folder: Path, served: Callable[..., Server]) -> None:
    def take(text: str) -> dict[str, Any]:
        raise CannotWrite("device: cannot be written (disk full)")

    refused = {"refused": "device: cannot be written (disk full)"}
    assert send(served(folder, take)) == (422, refused)


def test_a_silent_visitor_keeps_nobody_from_an_encrypted_page(
    folder: Path, certificate: Path
) -> None:
    with Server(folder, certificate=certificate) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with socket.create_connection(("127.0.0.1", server.server_port)):
            trusting = ssl.create_default_context(cafile=certificate)
            address = f"{server.address}site.json"
            elsewhere = urllib.request.Request(address, headers={"Host": "box.local"})
            with urllib.request.urlopen(elsewhere, timeout=10, context=trusting) as answer:
                assert answer.status == 200
                assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
        server.shutdown()


def test_addresses_can_be_opened(folder: Path) -> None:
    if socket.has_ipv6:
        with Server(folder, host="::1") as server:
            assert server.address == f"http://[::1]:{server.server_port}/"
    with Server(folder, host="0.0.0.0") as server:
        assert server.address.startswith("http://") and "0.0.0.0" not in server.address
        # Named as anybody in the network may name this machine, but not from another's page.
        assert server.trusts("box.local:80", "http://box.local:80")
        assert not server.trusts("box.local:80", "http://elsewhere.example")
    with Server(folder, host="127.0.0.1") as server:
        assert server.trusts("localhost:80", None) and not server.trusts("box.local:80", None)
