"""Which faces train, validate and test: by whole groups, once, from a seed."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from fbnet.errors import BadInput
from fbnet.faces.faceset import SPLITS
from fbnet.progress import say

TEST, VALIDATION = 1, 2
"""Keep the draws of the two cuts apart."""
MOST = 20
"""Pictures of one photograph's faces that names may join."""
FEW = 4
"""Pictures from which on a name that most of a folder has is one of a series."""


def assign(
    groups: Sequence[str],
    given: Sequence[str | None],
    test_share: float,
    validation_share: float,
    seed: int,
) -> np.ndarray:
    """Split codes uint8 [N] (`faceset.SPLITS`).

    `given` splits stay. Where none is "test", `test_share` of the faces becomes it; where none is
    "validation", `validation_share` of the rest of the training faces becomes it. Whole groups
    move; the result depends on the groups' names and on `seed`, not on the order of the faces.
    Raises BadInput when there are too few groups.
    """
    numbers = numbered(groups)
    split = np.array([SPLITS[name or "train"] for name in given], dtype=np.uint8)
    cuts = (("test", test_share, TEST), ("validation", validation_share, VALIDATION))
    for name, share, draw in cuts:
        if name not in given and share > 0:
            train = np.flatnonzero(split == SPLITS["train"])
            chosen = pick(numbers[train], share, np.random.default_rng([seed, draw]), name)
            split[train[chosen]] = SPLITS[name]
    return split


def numbered(groups: Sequence[str]) -> np.ndarray:
    """A number for each group, in the order of their names, int64 [N].

    An array of names would give each the room of the longest.
    """
    numbers = {name: number for number, name in enumerate(sorted(set(groups)))}
    return np.fromiter((numbers[group] for group in groups), np.int64, len(groups))


def straddling(groups: Sequence[str], given: Sequence[str | None]) -> list[tuple[int, int]]:
    """(face, other face) for each whose photograph is in a split that is measured on, too.

    That of the other is test, or validation where the face is for training.
    """
    measured: dict[str, int] = {}
    for split in ("validation", "test"):  # test comes last, and stays
        measured |= {
            group: index
            for index, (group, of) in enumerate(zip(groups, given, strict=True))
            if of == split
        }
    return [
        (index, measured[group])
        for index, (group, split) in enumerate(zip(groups, given, strict=True))
        if group in measured and (split or "train") != given[measured[group]]
    ]


def pick(groups: np.ndarray, share: float, rng: np.random.Generator, name: str) -> np.ndarray:
    """Mask bool [n] of whole groups that hold about `share` of the faces: one at least, never all.

    Raises BadInput, saying what they were to be picked for, when there is only one group.
    """
    unique, member, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    if len(unique) < 2:
        raise BadInput(
            f"fetch: {len(groups)} faces of {len(unique)} photograph(s) or person(s) leave none "
            f"for {name}; add photographs"
        )
    order = rng.permutation(len(unique))
    return np.isin(member, order[: reaching(sizes[order], share)])


def reaching(sizes: np.ndarray, share: float) -> int:
    """How many of the groups, of so many faces each, hold about `share` of all: one, never all.

    A group is in while the faces before it fall short of the share by half of it or more.
    """
    before = np.cumsum(sizes) - sizes / 2
    return int(np.clip((before < share * sizes.sum()).sum(), 1, max(len(sizes) - 1, 1)))


def without_series(groups: Sequence[str], pictures: Sequence[str]) -> list[str]:
    """Groups by name, where a name that numbers a series of photographs makes no group.

    groups: of each face, by its picture's name. pictures: its file, relative to the data set.
    More than `MOST` pictures that differ in their number only, or `FEW` and more that are over
    half of their folder, are photographs of their own. Each such name is warned of.
    """
    group_of = dict(zip(pictures, groups, strict=True))
    sizes, series = Counter(group_of.values()), set()
    folders = Counter(picture.rpartition("/")[0] for picture in group_of)
    folder_of = {group: picture.rpartition("/")[0] for picture, group in group_of.items()}
    for group, size in sizes.items():
        if size > MOST or (size >= FEW and 2 * size > folders[folder_of[group]]):
            series.add(group)
            say(
                f"warning: {size} pictures are called {group}_NUMBER: taken for as many "
                "photographs, not for faces of one (fetch.group: name takes them for one)"
            )
    return [
        picture if group in series else group
        for group, picture in zip(groups, pictures, strict=True)
    ]
