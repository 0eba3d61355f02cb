"""The split: whole groups, shares, stability."""

import numpy as np
import pytest

from fbnet.errors import BadInput
from fbnet.faces.readers.base import photograph_of
from fbnet.faces.split import assign, straddling, without_series

GROUPS = [f"photo{number // 3}" for number in range(300)]


def parts(groups: list[str], split: np.ndarray, code: int) -> set[str]:
    return {group for group, at in zip(groups, split, strict=True) if at == code}


@pytest.mark.parametrize("seed", range(5))
def test_groups_never_straddle(seed: int) -> None:
    split = assign(GROUPS, [None] * 300, 0.2, 0.1, seed)
    train, validation, test = (parts(GROUPS, split, code) for code in range(3))
    assert not train & validation and not train & test and not validation & test
    assert np.bincount(split).tolist() == [216, 24, 60]


def test_the_order_of_the_faces_does_not_matter() -> None:
    order = np.random.default_rng(0).permutation(300)
    straight = assign(GROUPS, [None] * 300, 0.2, 0.1, 1)
    mixed = assign([GROUPS[i] for i in order], [None] * 300, 0.2, 0.1, 1)
    np.testing.assert_array_equal(mixed, straight[order])


def test_the_seed_matters() -> None:
    one, other = (assign(GROUPS, [None] * 300, 0.2, 0.1, seed) for seed in (1, 2))
    assert (one != other).any()


def test_given_parts_stay_and_only_validation_is_cut() -> None:
    given = ["test" if number >= 240 else "train" for number in range(300)]
    split = assign(GROUPS, given, 0.2, 0.1, 1)
    assert (split[240:] == 2).all() and (split[:240] != 2).all()
    assert (split == 1).sum() == 24


def test_a_complete_given_split_is_taken_as_it_is() -> None:
    given = (["train"] * 200) + (["validation"] * 50) + (["test"] * 50)
    split = assign(GROUPS, given, 0.2, 0.1, 1)
    assert np.bincount(split).tolist() == [200, 50, 50]


@pytest.mark.parametrize("count", [3, 4, 10])
def test_small_sets_still_have_every_part(count: int) -> None:
    split = assign([f"p{number}" for number in range(count)], [None] * count, 0.2, 0.1, 1)
    assert set(split) == {0, 1, 2}


def test_large_groups_do_not_push_the_shares_far_off() -> None:
    groups = ["crowd"] * 40 + [f"p{number}" for number in range(160)]
    shares = [(assign(groups, [None] * 200, 0.2, 0.1, seed) == 2).mean() for seed in range(20)]
    assert min(shares) > 0.05 and max(shares) < 0.4


@pytest.mark.parametrize("groups", [["one"], ["one", "one"], ["one", "two"]])
def test_too_few_photographs_are_refused(groups: list[str]) -> None:
    with pytest.raises(BadInput, match="add photographs"):
        assign(groups, [None] * len(groups), 0.2, 0.1, 1)


def test_photographs_in_train_and_test_are_found() -> None:
    groups, given = ["a", "b", "a", "c"], ["train", "train", "test", "validation"]
    assert straddling(groups, given) == [(0, 2)]
    assert straddling(groups, ["train"] * 4) == []


@pytest.mark.parametrize(
    ("stems", "groups"),
    [
        ([f"face_{number}" for number in range(1, 251)], 250),
        ([f"face_{number}" for number in range(1, 16)], 15),
        (["crowd_1", "crowd_2", "crowd_3", "a", "b", "c"], 4),
        ([f"crowd_{number}" for number in range(12)] + [f"p{number}" for number in range(12)], 13),
        (["a_1", "a_2", "b"], 2),
    ],
)
def test_a_name_that_numbers_a_series_is_no_photograph(
    stems: list[str], groups: int, capsys: pytest.CaptureFixture[str]
) -> None:
    by_name = [f"own/{photograph_of(stem)}" for stem in stems]
    result = without_series(by_name, [f"own/{stem}.jpg" for stem in stems])
    assert len(set(result)) == groups
    assert ("warning" in capsys.readouterr().out) == (result != by_name)
