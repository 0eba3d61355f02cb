"""A project folder with a store of its own."""

import shutil

import pytest

from stages.params import MlflowParams
from stages.tracking.address import lock
from stages.tracking.store import connect


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory):
    """A database with its tables: making one takes longer than all that is done with it."""
    folder = tmp_path_factory.mktemp("store")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DVC_ROOT", str(folder))
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)  # MLflow leaves that of another test
        with lock():
            connect(MlflowParams(experiment="unused"))
    return folder / "mlflow.db"


@pytest.fixture
def project(tmp_path, monkeypatch, empty_store):
    """An empty project as working folder, with a database."""
    (tmp_path / "dvc.yaml").touch()
    shutil.copy(empty_store, tmp_path / "mlflow.db")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def store(project):
    """A connection to the project's store."""
    with lock():
        return connect(MlflowParams())
