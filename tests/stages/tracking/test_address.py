"""Stores as they are: databases that cannot be used, servers behind certificates and passwords."""

import datetime
import http.server
import shutil
import sqlite3
import ssl
import threading

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from fbnet.errors import BadInput
from stages.params import Params
from stages.results import Results
from stages.tracking import finished_runs, pipeline_run, register, runs, stage_run
from stages.tracking.address import hide_credentials, lock, require_usable

PARAMS = Params()


def leave(path, content):
    if content == "folder":
        path.mkdir()
    elif content == "foreign":
        with sqlite3.connect(path) as opened:
            opened.execute("CREATE TABLE other (a)")
    elif content is not None:
        path.write_bytes(content)


@pytest.mark.parametrize(
    ("uri", "content", "message"),
    [
        ("sqlite:///runs.db", b"no database at all" * 99, "file is not a database"),
        ("sqlite:///runs.db", b"", "is empty"),
        ("sqlite:///runs.db", "folder", "unable to open"),
        ("sqlite:///runs.db", "foreign", "is no MLflow database"),
        ("sqlite:///no/such/runs.db", None, "no such file or directory; create its folder"),
        ("nosuch://user:secret@host/db", None, "MLflow at nosuch://host/db cannot be used"),
        ("http://user:secret@127.0.0.1:9", None, r"server http://127\.0\.0\.1:9 cannot be reached"),
    ],
)
def test_an_unusable_store_is_one_line(tmp_path, monkeypatch, uri, content, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dvc.yaml").touch()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    leave(tmp_path / "runs.db", content)
    with pytest.raises(BadInput, match=message) as caught, stage_run("lut", PARAMS):
        pytest.fail("the body must not run")
    assert "secret" not in str(caught.value) and "\n" not in str(caught.value)
    assert not (tmp_path / "mlruns").exists() and not (tmp_path / "mlflow.db").exists()


@pytest.mark.parametrize("name", ["My%20Repo", "a?b", '100 % "q" #1 ü', "a@b"])
def test_a_folder_may_have_any_other_name(tmp_path, monkeypatch, name):
    folder = tmp_path / name
    folder.mkdir()
    (folder / "dvc.yaml").touch()
    monkeypatch.chdir(folder)
    with stage_run("lut", PARAMS):
        pass
    assert {p.name for p in tmp_path.iterdir()} == {name}
    assert {"mlflow.db", "mlflow.db.lock"} <= {p.name for p in folder.iterdir()}
    assert len(list(finished_runs("fbnet-pfld"))) == 1
    with sqlite3.connect(folder / "mlflow.db") as opened:
        query = "SELECT artifact_location FROM experiments WHERE name = 'fbnet-pfld'"
        ((location,),) = opened.execute(query).fetchall()
    assert location == (folder / "mlruns").as_uri()


@pytest.mark.parametrize("own", [True, False])
def test_an_apostrophe_in_a_folder_s_name_is_one_line(tmp_path, monkeypatch, own):
    folder = tmp_path / "o'clock"
    folder.mkdir()
    (folder / "dvc.yaml").touch()
    monkeypatch.chdir(folder)
    if not own:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/runs.db")
    message = "o'clock.*: MLflow keeps no runs where a folder's name has an apostrophe; rename it"
    with pytest.raises(BadInput, match=message), stage_run("lut", PARAMS):
        pytest.fail("the body must not run")
    assert {p.name for p in folder.iterdir()} <= {"dvc.yaml", "mlflow.db.lock"}


def test_mlflow_below_a_folder_with_a_percent_sign_is_one_line(project, monkeypatch):
    monkeypatch.setattr("stages.tracking.address.mlflow_folder", lambda: "/home/My%20Repo/mlflow")
    message = "/home/My%20Repo/mlflow: MLflow does not work below a folder whose name has a %"
    with pytest.raises(BadInput, match=message), stage_run("lut", PARAMS):
        pytest.fail("the body must not run")


@pytest.mark.parametrize("begin", [stage_run, pipeline_run, register])
def test_a_store_that_takes_no_run_is_one_line(project, monkeypatch, begin):
    from mlflow import MlflowClient, MlflowException

    def full(*_, **__):
        raise MlflowException("(sqlite3.OperationalError) database or disk is full\n[SQL: INSERT]")

    monkeypatch.setattr(MlflowClient, "create_run", full)
    monkeypatch.setattr(runs, "require_current_export", lambda results: None)
    monkeypatch.setattr(runs, "recorded_params", lambda results: PARAMS)
    monkeypatch.setattr(runs, "results_digest", lambda results, stage: "none")
    onnx = Results().onnx
    onnx.parent.mkdir(parents=True, exist_ok=True)
    onnx.touch()
    with pytest.raises(BadInput, match=r"database or disk is full \[SQL: INSERT\]\); start it"):
        if begin is register:
            register()
        else:
            with begin(*(["lut"] if begin is stage_run else []), PARAMS):
                pytest.fail("the body must not run")


def test_a_locked_database_is_one_line(project, monkeypatch):
    monkeypatch.setattr("stages.tracking.address.LOCKED_TIMEOUT_S", 0.1)
    holder = sqlite3.connect(project / "mlflow.db")
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(BadInput, match="database is locked"), stage_run("lut", PARAMS):
        pytest.fail("the body must not run")
    holder.close()


@pytest.mark.parametrize("name", ["runs.db", "runs.db?timeout=30", "ru%6Es.db?timeout=1&uri=0"])
def test_the_lock_lies_beside_the_database(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shared").mkdir()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/shared/{name}")
    with lock():
        assert [p.name for p in (tmp_path / "shared").iterdir()] == ["runs.db.lock"]


def test_reading_runs_creates_nothing(tmp_path, monkeypatch, empty_store):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dvc.yaml").touch()
    with pytest.raises(BadInput, match="no run is recorded yet"):
        finished_runs("fbnet-pfld")
    shutil.copy(empty_store, tmp_path / "mlflow.db")
    with pytest.raises(BadInput, match="there are: unused, Default"):
        finished_runs("fbnet-pfld")
    assert {p.name for p in tmp_path.iterdir()} == {"dvc.yaml", "mlflow.db"}


def test_all_pages_of_runs_are_read(store, monkeypatch):
    from mlflow import MlflowClient

    for number in range(5):
        run = store.client.create_run(store.experiment, run_name=str(number))
        store.client.set_terminated(run.info.run_id)
    search = MlflowClient.search_runs
    monkeypatch.setattr(
        MlflowClient, "search_runs", lambda *given, **named: search(*given, max_results=2, **named)
    )
    assert [run["name"] for run in finished_runs("fbnet-pfld")] == list("01234")


def test_credentials_are_cut_out_of_any_text():
    text = "a http://user:p%40ss@host:1/x and postgresql://token@db/y: failed"
    assert hide_credentials(text) == "a http://host:1/x and postgresql://db/y: failed"
    assert hide_credentials("at http://me:top@secret@host:1/x") == "at http://host:1/x"


@pytest.mark.parametrize("password", ["pa/ss", "pa ss", "p@ss", "p@/s s"])
def test_a_password_of_any_letters_is_cut_out(monkeypatch, password):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://me:{password}@host:1/x")
    text = f"http://me:{password}@host:1/x/api: failed"
    assert hide_credentials(text) == "http://host:1/x/api: failed"


@pytest.fixture
def server(tmp_path):
    """Address, certificate and the headers received, of a server that signs for itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), False)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption(), serialization.PrivateFormat.PKCS8
    secret = key.private_bytes(serialization.Encoding.PEM, plain[1], plain[0])
    (tmp_path / "key.pem").write_bytes(secret)
    path = tmp_path / "cert.pem"
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    sent = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            sent.append(self.headers.get("Authorization"))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *given):
            pass

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path, tmp_path / "key.pem")
    with http.server.HTTPServer(("localhost", 0), Handler) as running:
        running.socket = context.wrap_socket(running.socket, server_side=True)
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"https://localhost:{running.server_port}", path, sent
        running.shutdown()


def test_a_server_is_asked_as_mlflow_asks_it(server, monkeypatch):
    address, certificate, sent = server
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    with pytest.raises(BadInput, match=r"cannot be reached.*self-signed.*SERVER_CERT_PATH"):
        require_usable()
    monkeypatch.setenv("MLFLOW_TRACKING_SERVER_CERT_PATH", str(certificate))
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "abc")
    require_usable()
    monkeypatch.delenv("MLFLOW_TRACKING_TOKEN")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address.replace("//", "//user:secret@"))
    require_usable()
    assert sent == ["Bearer abc", "Basic dXNlcjpzZWNyZXQ="]
