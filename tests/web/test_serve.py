"""The server of the pages: its headers, what it takes, what it refuses."""

import json
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest

from fbnet.errors import BadInput, Failure
from fbnet.web.serve import LARGEST_RESULTS, Server


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "site.json").write_text('{"version": "1"}')
    (tmp_path / "a.mjs").write_text("export {};")
    (tmp_path / "inside").mkdir()
    return tmp_path


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
    with pytest.raises(BadInput, match=r"a\.mjs: not a (PEM file of )?certificate and (its )?key"):
        Server(folder, certificate=folder / "a.mjs")


def test_addresses_can_be_opened(folder: Path) -> None:
    with Server(folder, host="0.0.0.0") as server:
        assert server.address.startswith("http://") and "0.0.0.0" not in server.address
        # Named as anybody in the network may name this machine, but not from another's page.
        assert server.trusts("box.local:80", "http://box.local:80")
        assert not server.trusts("box.local:80", "http://elsewhere.example")
    with Server(folder, host="127.0.0.1") as server:
        assert server.trusts("localhost:80", None) and not server.trusts("box.local:80", None)
