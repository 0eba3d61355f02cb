"""Unit costs and large works: the records' arithmetic, and faces prepared at small size."""

from pathlib import Path

from benchmarks.core.jobs import Job
from benchmarks.core.ledger import Ledger
from benchmarks.scale import DEFAULT, UNITS, WORKS
from benchmarks.scale.__main__ import PAGE, jobs, summary
from benchmarks.scale.work import many_faces
from fbnet.files import write_json
from fbnet.params import FetchParams, RetrainParams, SearchParams, SyntheticParams
from fbnet.training.schedule import lengthened


def test_works_cost_what_their_units_do(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "results", tmp_path / "work")
    units = {name: 0.036 for name in UNITS}
    ledger.folder.mkdir()
    write_json(ledger.folder / "units.json", {"result": {"seconds": units}})
    (sections,) = summary(ledger).pages.values()
    assert "| render 1,000,000 faces | 10 | 0.2 h |" in sections["works"]
    assert set(summary(ledger).pages) == {PAGE} and sections["faces"] == "Not recorded yet."
    assert all(set(needs) <= set(UNITS) for _, needs in WORKS.values())


def test_a_default_run_is_counted_by_the_defaults() -> None:
    drawn, search = SyntheticParams(), SearchParams()
    train = round(drawn.train * (1 - FetchParams.model_fields["validation_share"].default))
    proxy = round(train * search.proxy_share)
    arch = round(proxy * search.arch_share)
    search = lengthened(search, proxy - arch)
    retrain = lengthened(RetrainParams(), train)
    assert {
        "render": drawn.train + drawn.test,
        "soft": search.epochs * (proxy - arch),
        "architecture": search.arch_epochs * arch,
        "retrain": retrain.epochs * train,
    } == DEFAULT


def test_every_photograph_is_prepared(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "results", tmp_path / "work")
    record = many_faces(Job("faces", {"faces": 30, "side": 120, "size": 112}, many_faces), ledger)
    assert record["kept"] == 30
    assert record["stored_bytes"] > 30 * 112 * 112 * 3
    assert record["peak_bytes"] > 0 and record["core_seconds"] > 0
    assert not list(ledger.work.iterdir())


def test_the_jobs_are_declared(tmp_path: Path) -> None:
    names = [job.name for job in jobs(None, Ledger(tmp_path, tmp_path))]  # type: ignore[arg-type]
    assert names == ["units", "processes", "faces/5000", "faces/20000", "faces/100000"]
