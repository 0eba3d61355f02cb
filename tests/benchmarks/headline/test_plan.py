"""The trainings as jobs: which there are, what they need, what they depend on."""

from collections import Counter
from dataclasses import replace

from benchmarks.headline import MODELS, PHOTOGRAPHS, RECIPES, RENDERED, SETS, SUBNET
from benchmarks.headline.__main__ import Plan
from benchmarks.headline.work import Subnet


def test_every_training_once_and_tuned_alike(plan):
    names = [job.name for job in Plan(RECIPES, plan.faces, plan.inputs).jobs()]
    assert len(names) == len(set(names)) == (7 + 11) + (4 + 11) + (1 + 5) + 3 * 3
    trials = Counter(name.rpartition("-")[0] for name in names if "/trials/" in name)
    assert trials == {f"rendered/one/trials/{model}": 3 for model in MODELS}
    photographs = [name for name in names if name.startswith("photographs/one/")]
    assert photographs[:2] == ["photographs/one/subnet-1", "photographs/one/lite-1"]
    assert photographs[3:5] == ["photographs/one/subnet-2", "photographs/one/lite-2"]


def test_a_training_needs_trials_a_start_and_a_teacher(plan):
    job = plan.training(SUBNET, PHOTOGRAPHS, "best", 2)
    assert job.name == "photographs/best/subnet-2"
    assert job.setting["trials"] == [f"rendered/one/trials/subnet-{r}" for r in ("1e-06", "0.01")]
    assert job.setting["start"] == ["rendered/one/subnet-1"]
    assert job.setting["teacher"] == ["photographs/best/lite-2"]
    roles = ("trials", "start", "teacher")
    assert [need.name for need in job.needs] == [n for role in roles for n in job.setting[role]]
    assert plan.training(SUBNET, RENDERED, "best", 2).setting.keys().isdisjoint(roles[1:])


def test_digests_tell_runs_faces_and_recipes_apart(plan):
    digests = [job.digest for job in plan.jobs()]
    assert len(set(digests)) == len(digests)
    moved = replace(plan, faces=dict.fromkeys(SETS, "others"))
    longer = replace(RECIPES["one"], epochs=dict.fromkeys(SETS, 9))
    other = replace(plan, recipes={**plan.recipes, "one": longer})
    for changed in (moved, other):
        assert not {job.digest for job in changed.jobs()} & set(digests)


def test_a_new_search_concerns_the_subnet_alone(plan):
    inputs = {
        data: replace(i, subnet=Subnet(i.subnet.space, ("mb_k3_res", "gh_k3", "gh_k3")))
        for data, i in plan.inputs.items()
    }
    new = replace(plan, inputs=inputs)
    for model, same in ((SUBNET, False), ("lite", True)):
        job = (model, RENDERED, "one", 1)
        assert (new.training(*job).digest == plan.training(*job).digest) is same
