from benchmarks.headline import page
from benchmarks.headline.goals import Verdict
from benchmarks.headline.setting import PAGE

ROW = {
    "model": "lite", "data": "rendered", "recipe": "one", "params": 263332, "macs": 77355904,
    "size_kb": 1028.4, "nme": 0.05123, "nme_std": 0.0012, "nme_jitter": 0.06, "mean_face_nme": 0.2,
    "nme_runs": [0.05, 0.0524],
    "fr_08": 0.125, "fr_10": 0.1, "auc_08": 0.4, "auc_10": 0.5,
    "nme_region": {"eyes": 0.04}, "nme_yaw": {"yaw_0_15": 0.03},
    "latency": {"onnxruntime": {"latency_ms": 1.234, "to_lite": 1.0}},
}  # fmt: skip


def test_tables_say_what_the_rows_say():
    text = page.tables([ROW, ROW | {"model": "subnet", "nme_std": None, "nme_yaw": {}}])
    assert "### rendered, recipe `one`" in text
    assert (
        "| lite | 263,332 | 77.36 M | 1028 | onnxruntime 1.23 (1.00) | 5.12 ± 0.12 % | 5.00, 5.24 "
        "| 20.00 % |" in text
    )
    assert "| lite | 4.00 % | 3.00 % |" in text
    assert "| subnet | 4.00 % |  |" in text


def test_the_digest_has_a_line_for_each_model_and_the_median_of_its_runs():
    failed = ROW | {"data": "photographs", "nme_runs": [0.05, 0.06, 0.9]}
    better = ROW | {"recipe": "best", "nme_runs": [0.04]}
    other = ROW | {"model": "mobilenetv3", "latency": {}}
    lines = page.digest([ROW, failed, better, other]).splitlines()
    assert lines[0].endswith("| NME, rendered, `best` | NME, photographs, `best` |")
    assert lines[2:] == [
        "| lite | 77.36 M | 1028 | 1.00 | 5.12 % | 6.00 % | 4.00 % |  |",
        "| mobilenetv3 | 77.36 M | 1028 |  | 5.12 % |  |  |  |",
    ]


def test_verdicts():
    text = page.verdict_list([Verdict("a", "1", True), Verdict("b", "2"), Verdict("c", None)])
    assert text.splitlines()[2:] == ["| a | 1 | yes |", "| b | 2 | no |", "| c | not yet |  |"]


def test_the_page_of_the_docs_has_the_markers():
    text = PAGE.read_text()
    for name in ("goals", "tables"):
        assert text.index(f"<!-- {name} -->") < text.index(f"<!-- end {name} -->")
