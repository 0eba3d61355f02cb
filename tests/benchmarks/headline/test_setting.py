from dataclasses import replace

import numpy as np
import pytest

from benchmarks.headline.setting import folded
from benchmarks.headline.tasks import Task
from fbnet.errors import BadInput
from fbnet.faces.faceset import FaceSet
from fbnet.faces.prepare import Prepared


def test_folds_part_the_photographs(faces):
    folds = [folded(faces, fold) for fold in range(1, 6)]
    tested = np.concatenate([fold.indices("test") for fold in folds])
    assert sorted(tested) == list(range(len(faces)))
    for fold in folds:
        split_of = {}
        for group, split in zip(fold.groups, fold.split, strict=True):
            assert split_of.setdefault(group, split) == split
        assert len(fold.indices("validation")) >= 4
        assert len(fold.indices("test")) == 12


def test_folds_hang_on_names_alone(faces):
    turned = np.arange(len(faces))[::-1]
    other = replace(
        faces, images=faces.images[turned], landmarks=faces.landmarks[turned],
        names=faces.names[::-1], groups=faces.groups[::-1], pose=faces.pose[turned],
    )  # fmt: skip
    np.testing.assert_array_equal(folded(other, 2).split[::-1], folded(faces, 2).split)


def test_digest_tells_folds_and_labels_apart(setting):
    one, same, other = (Task("lite", "photographs", "one", run) for run in (1, 1, 2))
    assert setting.digest(one) == setting.digest(same) != setting.digest(other)
    seeds = (Task("lite", "rendered", "one", run) for run in (1, 2))
    assert len({setting.digest(task) for task in seeds}) == 1
    assert moved(setting, 0.01).digest(one) != setting.digest(one)


def test_digest_is_the_same_on_a_machine_that_rounds_otherwise(setting):
    task = Task("lite", "rendered", "one")
    assert moved(setting, 1e-7).digest(task) == setting.digest(task)


def moved(setting, by):
    """The setting with all points shifted by so much."""
    sources = {}
    for data, folder in setting.sources.items():
        sources[data] = folder.with_name(f"{data}-moved")
        faces = FaceSet.load(folder)
        replace(faces, landmarks=faces.landmarks + np.float32(by)).save(sources[data])
    return replace(setting, sources=sources)


def test_missing_data_and_another_space_are_refused(setting):
    with pytest.raises(BadInput, match="no faces called photographs"):
        replace(setting, sources={}).faces(Task("lite", "photographs", "one"))
    elsewhere = setting.params.model_copy(update={"space": "nni"})
    with pytest.raises(BadInput, match="searched in space small, params have seed"):
        _ = replace(setting, params=elsewhere).choice


def test_photographs_are_prepared_once_and_anew_where_they_cannot_be_read(setting, monkeypatch):
    made = []

    def prepare(params, folder):
        made.append(folder)
        whole.save(folder)
        return Prepared(whole, ())

    whole = setting.faces(Task("lite", "rendered", "one"))
    monkeypatch.setattr("benchmarks.headline.setting.prepare", prepare)
    pictures = replace(setting, sources={"photographs": setting.work / "pictures"})
    for _ in range(2):
        replace(pictures).faces(Task("lite", "photographs", "one"))
    assert len(made) == 1
    (made[0] / "pose.npy").unlink()
    replace(pictures).faces(Task("lite", "photographs", "one"))
    assert len(made) == 2
