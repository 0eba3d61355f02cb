"""What a supernet says of architectures: validation NME under its weights."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from benchmarks.ranking.setting import Setting
from fbnet.faces.faceset import FaceSet
from fbnet.files import digest
from fbnet.progress import track
from fbnet.search.sampling import Choice, Scorer
from fbnet.search.supernet import build_supernet
from fbnet.training.checkpoints import load_weights
from fbnet.training.device import launch
from stages.results import Results


def inherited(setting: Setting) -> dict[str, Any]:
    """The sample under the supernet of the search under test, and which supernet that was."""
    nmes = scores(setting, load_weights(setting.supernet), setting.sample)
    return {
        "supernet": digest(setting.supernet),
        "nmes": {" ".join(choice): nme for choice, nme in zip(setting.sample, nmes, strict=True)},
    }


def scores(
    setting: Setting, weights: Mapping[str, Tensor], choices: Sequence[Choice]
) -> list[float]:
    """Validation NME of each choice, batch-norm statistics estimated anew as the search does."""
    faces, space = FaceSet.load(Results().faces), setting.params.search_space
    fabric = launch(setting.train)
    supernet = build_supernet(space, faces.points, faces.size)
    supernet.load_state_dict(
        {k.removeprefix("net."): v for k, v in weights.items() if k.startswith("net.")}
    )
    scorer = Scorer(faces, space, setting.lut(), setting.params.search, fabric)
    return [scorer.nme(supernet, choice) for choice in track(choices, "inherited", unit="net")]
