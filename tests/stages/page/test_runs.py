"""The page that compares runs."""

import pytest

from fbnet.errors import BadInput
from stages.page.runs import changed_params, runs_page


def a_run(name, nme, ms, **params):
    metrics = {"nme": nme, "latency_ms": ms, "retrain_val_nme": nme + 0.01}
    return {"name": name, "metrics": metrics, "params": params}


def test_only_params_that_differ_are_shown():
    runs = [a_run("a", 1, 1, x="1", y="2"), a_run("b", 1, 1, x="1", y="3", z="0")]
    assert changed_params(runs) == ["y", "z"]


def test_page_lists_the_runs_best_first_and_leaves_out_unfinished_ones():
    beta = "search.beta"
    runs = [
        a_run("slow", 0.05, 0.4, **{beta: "0.1"}),
        a_run("<fast>", 0.0625, 0.25, **{beta: "1.5"}),
        {"name": "stopped", "metrics": {"search_val_nme": 0.3}, "params": {}},
    ]
    page = runs_page(runs)
    assert page == runs_page(runs)
    for part in ("2 finished runs", beta, "6.25%", "7.25%", "0.250", "&lt;fast&gt;"):
        assert part in page
    assert "stopped" not in page
    rows = page.split("<tbody>")[1]
    assert rows.index("slow") < rows.index("fast")
    assert page.count('<circle class="dot c0"') == 2


def test_runs_on_other_faces_have_a_front_of_their_own():
    real = [a_run("a", 0.05, 0.4), a_run("b", 0.06, 0.3)]
    page = runs_page([{**r, "faces": "1f"} for r in real] + [a_run("t", 0.9, 0.2) | {"faces": "t"}])
    trial, others = page.split("<section>")[1:]
    assert ">t</th>" in trial and ">a</th>" not in trial
    assert ">a</th>" in others and ">t</th>" not in others and "t: 90.00%" not in others


def test_no_finished_run_is_bad_input():
    with pytest.raises(BadInput, match="no finished run"):
        runs_page([{"name": "a", "metrics": {"nme": 0.1}, "params": {}}])
