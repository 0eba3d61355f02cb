"""The verdicts on invented figures, and the table of them."""

import pytest

from benchmarks.ranking import Plan
from benchmarks.ranking.table import verdict_rows
from benchmarks.ranking.verdict import (
    Entry,
    against_chance,
    against_own_table,
    complete,
    supernet_ranks,
)

PLAN = Plan(resamples=50)


def entry(name, cost, val, inherited=None):
    return Entry((name,), cost, cost, tuple(val), tuple(val), inherited)


SEARCHED = entry("searched", 2.0, [0.050, 0.052])


@pytest.mark.parametrize(
    ("val", "better", "reached"),
    [
        ([0.060, 0.062], 0, True),
        ([0.0500, 0.0515], 1, True),
        ([0.040, 0.042], 1, False),
    ],
    ids=["worse", "better within the spread", "clearly better"],
)
def test_against_those_of_its_cost_or_less(val, better, reached):
    costly = entry("costly", 3.0, [0.01, 0.012])
    figures = against_chance(SEARCHED, [entry("cheap", 1.9, val), costly, SEARCHED])
    assert (figures["rivals"], figures["better"]) == (1, better)
    assert figures["goal_reached"] is reached
    assert figures["clearly_better"] == (not reached)
    assert figures["seed_spread"] == pytest.approx(0.002 / 2**0.5, rel=0.2)


def test_one_seed_gives_no_verdict():
    figures = against_chance(entry("searched", 2, [0.05]), [entry("cheap", 1, [0.04])])
    assert figures["better"] == 1 and "goal_reached" not in figures


RANKED = [entry(str(i), i, [i, i + 0.1], inherited=10 + i) for i in range(8)]
REVERSED = [entry(str(i), i, [i, i + 0.1], inherited=-i) for i in range(8)]
NOISY = [
    entry(str(i), i, [a, b], inherited=c)
    for i, (a, b, c) in enumerate([(1, 3, 2), (2, 1, 1), (3, 4, 5), (4, 2, 3), (5, 5, 4)])
]


@pytest.mark.parametrize(
    ("sample", "tau", "reached"), [(RANKED, 1.0, True), (REVERSED, -1.0, False)]
)
def test_a_supernet_ranks_or_does_not(sample, tau, reached):
    figures = supernet_ranks(sample, PLAN)
    assert figures["tau"]["value"] == pytest.approx(tau)
    assert figures["tau_between_seeds"]["value"] == pytest.approx(1.0)
    assert figures["tau_of_size"]["value"] == pytest.approx(-1.0)
    assert figures["goal_reached"] is reached


def test_untrained_and_unscored_ones_do_not_count():
    sample = [*RANKED, entry("unscored", 9, [1, 1]), entry("one seed", 9, [9], inherited=20)]
    figures = supernet_ranks(sample, PLAN)
    assert (figures["architectures"], figures["with_both_seeds"]) == (9, 8)
    assert "tau" not in supernet_ranks(sample[:2], PLAN)


def test_goals_stay_open_until_all_is_trained_twice():
    assert complete(RANKED, len(RANKED))
    assert not complete(RANKED, len(RANKED) + 1)
    assert not complete([*RANKED[1:], entry("one seed", 9, [9])], len(RANKED))


def test_a_noisy_ceiling_lowers_the_goal():
    figures = supernet_ranks(NOISY, PLAN)
    ceiling = figures["tau_between_seeds"]["value"]
    assert figures["goal_reached"] == (figures["tau"]["value"] >= min(0.5, 0.8 * ceiling))


@pytest.mark.parametrize(
    ("val", "answer"), [([0.060, 0.062], "yes"), ([0.040, 0.042], "no"), ([0.04], "not known yet")]
)
def test_the_verdict_in_words(val, answer):
    searched = SEARCHED if len(val) == 2 else entry("searched", 2.0, [0.05])
    chance = against_chance(searched, [entry("cheap", 1.9, val)])
    ranks, against = verdict_rows(
        {"supernet_ranks": supernet_ranks(RANKED, PLAN), "against_chance": chance, "tables": {}},
        "ms",
    )
    assert (ranks["reached"], against["reached"]) == ("yes", answer)
    assert ranks["measured"].startswith(
        "8 architectures; tau 1.00 [1.00, 1.00], between seeds 1.00"
    )
    assert against["measured"].startswith(
        f"{int(answer != 'yes')} of 1 that cost no more are better"
    )


def chosen(text, cost, error):
    return Entry(tuple(text), cost, cost, (error - 0.001, error + 0.001), (error, error))


OWN = [chosen("abc", 1.0, 0.05), chosen("abd", 1.2, 0.06)]


def table_row(figures):
    summary = {"supernet_ranks": {"architectures": 0}, "tables": {"kit": figures}}
    return verdict_rows(summary, "ms")[2]


@pytest.mark.parametrize(
    ("cost", "error", "beaten"),
    [(1.1, 0.051, 0), (1.1, 0.052, 2), (0.9, 0.09, 0)],
    ids=["within the spread", "costlier and worse", "cheaper"],
)
def test_another_table_is_as_good_unless_its_nets_are_beaten_at_their_cost(cost, error, beaten):
    figures = against_own_table(OWN, [chosen("abc", cost, error), chosen("xbd", cost, error)])
    assert figures["layers_between_seeds"] == pytest.approx((1 + 2) / 2)
    assert figures["layers_between_tables"] == pytest.approx((0 + 2 + 1 + 1) / 4)
    assert figures["costs"] == pytest.approx([1.1, cost])
    assert (figures["beaten"], figures["goal_reached"]) == (beaten, beaten == 0)
    row = table_row(figures)
    assert row["measured"].startswith(f"{beaten} of 2 are beaten")
    assert "1.0 layers differ between tables, 1.5 between seeds" in row["measured"]
    assert row["reached"] == ("no" if beaten else "yes")


def test_another_table_is_not_judged_before_its_searches_are_trained():
    assert table_row({})["reached"] == "not known yet"
