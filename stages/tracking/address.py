"""The address of the store: which it is, whether it can be used, its lock and its artifacts."""

import fcntl
import os
import re
import sqlite3
import ssl
import textwrap
from collections.abc import Iterator
from contextlib import closing, contextmanager
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote, unquote

from fbnet.errors import BadInput

SQLITE = "sqlite:///"
CREDENTIALS = re.compile(r"(?<=://)[^/\s]+@")
"""User, password or token of an address: up to the last @, as clients read it."""
IN_URLS = str.maketrans({"%": "%25", "?": "%3F"})
"""What in a path would be taken for something else in an SQLite address."""
PROBE_TIMEOUT_S = 10.0
LOCKED_TIMEOUT_S = 10.0
"""How long a database may be locked by somebody else."""
REMEDY = "start it, unset MLFLOW_TRACKING_URI, or set mlflow.enabled: false"
CERTIFICATE_REMEDY = (
    "name its certificate in MLFLOW_TRACKING_SERVER_CERT_PATH or REQUESTS_CA_BUNDLE, or set "
    "MLFLOW_TRACKING_INSECURE_TLS=true"
)
REASON_LENGTH = 200
OWN_TABLES = {"experiments", "alembic_version"}
"""A database that has tables, but none of these, belongs to another program."""


def workspace() -> Path:
    """Root of the repository.

    DVC runs an experiment in a temporary copy; DVC_ROOT then names the repository itself.
    """
    if root := os.environ.get("DVC_ROOT"):
        return Path(root)
    here = Path.cwd()
    return next((p for p in (here, *here.parents) if (p / "dvc.yaml").exists()), here)


def tracking_uri() -> str:
    """MLFLOW_TRACKING_URI, else mlflow.db in the workspace; relative SQLite paths start there."""
    uri = os.environ.get("MLFLOW_TRACKING_URI", "").strip() or f"{SQLITE}mlflow.db"
    path = uri.removeprefix(SQLITE)
    if uri.startswith(SQLITE) and not path.startswith("/"):
        return f"{SQLITE}{str(workspace()).translate(IN_URLS)}/{path}"
    return uri


def database() -> Path | None:
    """The SQLite file behind the address; None where it is a server or another database."""
    uri = tracking_uri()
    path, _, _ = uri.removeprefix(SQLITE).partition("?")  # options such as ?timeout=30 follow
    return Path(unquote(path)) if uri.startswith(SQLITE) else None


def hide_credentials(text: str) -> str:
    """The text with user, password and token cut out of every address in it.

    Of the store's own address also a password with a slash or blank, which no pattern can tell.
    """
    scheme, separator, rest = tracking_uri().partition("://")
    if separator and "@" in rest and not scheme.startswith("sqlite"):
        text = text.replace(f"{rest.rpartition('@')[0]}@", "")
    return CREDENTIALS.sub("", text)


def artifact_location() -> str | None:
    """Artifacts of a new experiment: mlruns/ beside an SQLite file; None lets a server decide."""
    path = database()
    return (path.parent / "mlruns").as_uri() if path else None


@contextmanager
def lock() -> Iterator[None]:
    """One process at a time in this store; the system frees it when its holder dies.

    The lock lies beside an SQLite file, which several clones may share; servers and other
    databases take care of themselves, there it is the workspace's. Raises BadInput where the
    database's folder is missing or cannot be written.
    """
    path = database()
    if path:
        beside = path.with_name(f"{path.name}.lock")
    else:
        beside = workspace() / ".fbnet" / "tracking.lock"
        beside.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(beside, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise BadInput(
            f"{path or beside}: {(error.strerror or str(error)).lower()}; create its folder, or "
            "name another database in MLFLOW_TRACKING_URI"
        ) from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def require_usable(write: bool = True) -> None:
    """Raise BadInput, in one line, where a server does not answer or an SQLite file is unusable.

    Without `write` the file only has to be readable, and it must be there.
    """
    uri, path = tracking_uri(), database()
    if path:
        # MLflow writes the address of artifacts into a statement of SQL as it is.
        if write and (name := next((p for p in (path, Path.cwd()) if "'" in str(p)), None)):
            raise BadInput(
                f"{name}: MLflow keeps no runs where a folder's name has an apostrophe; rename it, "
                "or set mlflow.enabled: false"
            )
        # Alembic, which makes MLflow's tables, takes it for the start of a variable.
        if write and "%" in (installed := mlflow_folder()):
            raise BadInput(
                f"{installed}: MLflow does not work below a folder whose name has a %; rename it, "
                "keep the environment elsewhere, or set mlflow.enabled: false"
            )
        _require_database(path, write)
    elif uri.startswith(("http://", "https://")):
        _require_server(uri)


def mlflow_folder() -> str:
    """Where MLflow is installed; it is not imported, since that is slow."""
    spec = find_spec("mlflow")
    return os.path.dirname(spec.origin) if spec and spec.origin else ""


def _require_server(uri: str) -> None:
    """Ask the server as MLflow's own client does: with its tokens and certificates.

    Whether the server lets this user in shows at the first call.
    """
    from mlflow.utils.credentials import get_default_host_creds
    from mlflow.utils.rest_utils import http_request

    try:
        http_request(
            get_default_host_creds(uri),
            "/health",
            "GET",
            timeout=PROBE_TIMEOUT_S,
            max_retries=0,
            raise_on_status=False,
        )
    except Exception as error:  # of the client's many layers, each with its own
        cause: BaseException = error
        while deeper := cause.__cause__ or cause.__context__:
            cause = deeper
        reason = hide_credentials(textwrap.shorten(str(cause), REASON_LENGTH))
        remedy = CERTIFICATE_REMEDY if isinstance(cause, ssl.SSLError) else REMEDY
        raise BadInput(
            f"MLflow server {hide_credentials(uri)} cannot be reached ({reason}); {remedy}"
        ) from None


def _require_database(path: Path, write: bool) -> None:
    """An SQLite file, or the folder of one that MLflow is to create."""
    if not path.parent.is_dir():
        raise BadInput(f"{path}: its folder is missing; create it or change MLFLOW_TRACKING_URI")
    if not path.exists():
        if write:
            return
        raise BadInput(f"{path}: no such file: no run is recorded yet")
    if path.is_file() and path.stat().st_size == 0:
        raise BadInput(f"{path}: is empty: restore it, or delete it to record runs anew")
    try:
        address = f"file:{quote(str(path))}?mode={'rw' if write else 'ro'}"
        with closing(sqlite3.connect(address, uri=True, timeout=LOCKED_TIMEOUT_S)) as opened:
            tables = {name for (name,) in opened.execute("SELECT name FROM sqlite_master")}
            if write:
                opened.execute("BEGIN IMMEDIATE")
                opened.execute("ROLLBACK")
    except sqlite3.Error as error:
        raise BadInput(
            f"{path}: cannot be used ({error}); repair or replace it, or set mlflow.enabled: false"
        ) from None
    if tables and not tables & OWN_TABLES:
        raise BadInput(f"{path}: is no MLflow database; name another in MLFLOW_TRACKING_URI")
