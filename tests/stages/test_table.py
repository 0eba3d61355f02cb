"""The result table comes from what the stages wrote."""

from pathlib import Path

import pytest

from fbnet.errors import BadInput
from fbnet.files import write_json
from stages.results import Results
from stages.table import headline, print_table

EXPORT = {"nme": 0.05, "fr_08": 0.1, "mean_face_nme": 0.2, "params": 1000, "macs": 2000}

VARIANTS = """variant,engine,precision,size_kb,nme,latency_ms,ratio
mnn_int8,mnn,int8,178.6,0.0633,0.387,1.274
"""


def test_table_sets_the_subnet_beside_the_mean_face(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = Results(tmp_path)
    write_json(results.metrics("export"), EXPORT)
    write_json(results.metrics("bench"), {"latency_ms": 0.25})
    write_json(
        results.trained, {"space": "nni", "points": 106, "size": 112, "choice": ["sep_k3", "gh_k5"]}
    )
    results.timed_variants.write_text(VARIANTS)
    net = {"choice": ["sep_k3", "gh_k5"], "predicted_ms": 0.3, "median": 0.25}
    write_json(results.latencies, {"nets": [net], "protocol": {"file_threads": 2}})
    subnet, floor = headline(results)
    assert subnet["latency_ms"] == 0.25 and subnet["params"] == 1000
    assert floor == {"model": "mean face", "nme": 0.2}
    print_table(results)
    shown = capsys.readouterr().out
    parts = ("5.00%", "20.00%", "0.250", "1,000", "sep_k3 | gh_k5", "mean face", "faces, 2 threads")
    for part in (*parts, "mnn_int8", "179", "0.387", "1.27x", "6.33%"):
        assert part in shown

    write_json(results.latencies, {"nets": [net | {"choice": ["gh_k5", "gh_k5"]}]})
    with pytest.raises(BadInput, match=r"latency\.json: of another net than .*dvc repro bench"):
        print_table(results)
    results.latencies.unlink()  # as in a clone, which has bench's metrics
    with pytest.raises(BadInput, match=r"latency\.json: no such file; stage bench writes it"):
        print_table(results)
    assert not capsys.readouterr().out


def test_a_missing_stage_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"export/metrics\.json: no such file; stage export"):
        headline(Results(tmp_path))
