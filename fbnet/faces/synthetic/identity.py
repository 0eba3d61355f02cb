"""Who the person is: build, age, sex, ancestry, skin and hair."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from fbnet.faces.synthetic.drawing import Draws, linear, palette
from fbnet.faces.synthetic.head import Head
from fbnet.params import SyntheticParams

ANCESTRIES = ("caucasian", "asian", "african")
SKIN = palette(
    (246, 218, 200), (238, 200, 178), (228, 184, 156), (216, 166, 134), (194, 142, 108),
    (164, 112, 82), (130, 86, 62), (98, 64, 48), (70, 46, 36),
)  # fmt: skip
"""Skin tones from light to dark, display values."""
TONE_OF_ANCESTRY = (1.2, 2.2, 6.0)
"""Mean row of SKIN of each ancestry."""
HAIR = palette(
    (18, 14, 12), (28, 20, 16), (45, 30, 22), (70, 46, 30), (105, 72, 45), (150, 112, 72),
    (190, 155, 105), (120, 60, 35), (150, 148, 145), (205, 203, 200),
)  # fmt: skip
"""Hair colours, display values; the last two are grey and white."""
DARK_HAIR, FAIR_HAIR, GREY_HAIR = (0, 0, 1, 1, 2, 3), (1, 2, 3, 4, 4, 5, 6, 7), (8, 9)
"""Rows of HAIR, the frequent ones several times."""
IRIS = palette(
    (70, 42, 22), (45, 28, 18), (90, 62, 30), (95, 105, 60), (80, 115, 150), (110, 125, 135)
)
"""Iris colours, display values, brown to grey."""
FOLDERS = (
    "cheek", "chin", "ears", "eyebrows", "eyes", "forehead", "head", "mouth", "neck", "nose", "asym"
)  # fmt: skip
"""Folders of targets from which single features are drawn."""
MEAN_SHAPE = {
    "head/head-scale-vert-decr": 0.08,
    "head/head-diamond": 0.3,
    "head/head-fat-decr": 0.3,
    "chin/chin-width-decr": 0.15,
    "chin/chin-jaw-drop-decr": 0.2,
    "mouth/mouth-scale-vert-decr": 0.3,
    "mouth/mouth-upperlip-height-decr": 0.15,
    "mouth/mouth-angles-up": 0.3,
    "nose/nose-scale-vert-incr": 0.15,
} | {
    f"eyes/{side}-eye-{name}": 0.2
    for side in ("l", "r")
    for name in ("corner1-down", "corner2-down", "height2-incr")
}
"""Added to everybody: the base mesh is squarer of jaw and fuller of lips than most people."""
GENTLE = ("asym", "ears", "neck")
"""Folders whose targets act at half strength."""
UNEVEN = 0.85
"""The weaker side of a feature has at least this share of its strength."""


@dataclass(frozen=True, eq=False)
class Person:
    """A person at rest.

    weights: target name -> strength; age 0..1 (0.25 child, 0.5 young, 1 old); male 0..1;
    tone 0..8 (row of SKIN); skin, hair, iris: linear RGB [3]; beard: its density, 0 for none;
    made_up: whether lips or lids are painted.
    """

    weights: Mapping[str, float]
    age: float
    male: float
    tone: float
    skin: np.ndarray
    hair: np.ndarray
    iris: np.ndarray
    beard: float
    made_up: bool


def draw_person(head: Head, draws: Draws, params: SyntheticParams) -> Person:
    """Draw a person: build, features, colours, beard and make-up."""
    rng = draws.person("build")
    ancestry = rng.dirichlet([0.5, 0.5, 0.5])
    male = float(rng.beta(0.35, 0.35))
    age = float(rng.choice([rng.uniform(0.3, 0.5), rng.uniform(0.45, 0.65), rng.uniform(0.5, 1)]))
    weights = _build(ancestry, male, age, rng.uniform(0.2, 0.75), rng.beta(2, 2.8))
    for name, weight in _features(head, draws.person("features"), params.identity).items():
        weights[name] = weights.get(name, 0.0) + weight
    tone, skin, hair, iris = _colours(draws.person("colours"), ancestry, age)
    # Beards of grown men, stubble to full; make-up of grown women.
    rng = draws.person("grooming")
    bearded = male > 0.6 and age > 0.45 and rng.random() < params.beards
    made_up = bool(male < 0.45 and age > 0.42 and rng.random() < params.makeup)
    beard = float(rng.uniform(0.1, 1.0) ** 1.5) * bearded
    return Person(weights, age, male, tone, skin, hair, iris, beard, made_up)


def _build(
    ancestry: np.ndarray, male: float, age: float, muscle: float, weight: float
) -> dict[str, float]:
    """MakeHuman's macro targets: products of sex, age and ancestry or muscle and weight."""
    ages = {"child": max(0.0, (0.5 - age) / 0.3125), "old": max(0.0, (age - 0.5) / 0.5)}
    ages["young"] = 1 - ages["child"] - ages["old"]
    muscles, sizes = _thirds(muscle, "muscle"), _thirds(weight, "weight")
    weights = {}
    for sex, sex_share in (("male", male), ("female", 1 - male)):
        for years, age_share in ages.items():
            share = sex_share * age_share
            for name, part in zip(ANCESTRIES, ancestry, strict=True):
                weights[f"macrodetails/{name}-{sex}-{years}"] = share * float(part)
            for m, m_share in muscles.items():
                for s, s_share in sizes.items():
                    key = f"macrodetails/universal-{sex}-{years}-{m}-{s}"
                    weights[key] = share * m_share * s_share
    # The average build is the base mesh itself and has no target.
    average = "averagemuscle-averageweight"
    return MEAN_SHAPE | {k: w for k, w in weights.items() if not k.endswith(average)}


def _thirds(value: float, name: str) -> dict[str, float]:
    """Weights of the minimum, average and maximum at `value` 0..1."""
    return {
        f"min{name}": max(0.0, 1 - 2 * value),
        f"average{name}": 1 - abs(2 * value - 1),
        f"max{name}": max(0.0, 2 * value - 1),
    }


@lru_cache(maxsize=2)
def _groups(head: Head) -> dict[str, list[str]]:
    """Targets of one feature together: left and right side, same direction."""
    groups: dict[str, list[str]] = {}
    for name in head.target_names:
        folder, rest = name.split("/")
        if folder in FOLDERS:
            groups.setdefault(f"{folder}/{re.sub('^[lr]-', '', rest)}", []).append(name)
    return dict(sorted(groups.items()))


def _features(head: Head, rng: np.random.Generator, strength: float) -> dict[str, float]:
    """About a third of all features, each a little; both sides nearly alike."""
    weights: dict[str, float] = {}
    for key, names in _groups(head).items():
        chosen, size = rng.random() < 0.3, rng.normal(0, 0.28 if key[:4] == "nose" else 0.38)
        value = min(abs(size), 0.85) * strength * (0.5 if key.startswith(GENTLE) else 1)
        uneven = [UNEVEN + (1 - UNEVEN) * rng.random() for _ in names] if len(names) > 1 else [1.0]
        if chosen:
            weights.update({name: value * share for name, share in zip(names, uneven, strict=True)})
    return weights


def _colours(
    rng: np.random.Generator, ancestry: np.ndarray, age: float
) -> tuple[float, np.ndarray, np.ndarray, np.ndarray]:
    """Tone 0..8 of the skin, and the linear RGB [3] of skin, hair and iris."""
    # Half of the people have the tone that their features suggest, half any.
    tied = float(ancestry @ TONE_OF_ANCESTRY) + rng.normal(0, 0.9)
    free = rng.uniform(0, 7.5)
    tone = float(np.clip(tied if rng.random() < 0.55 else free, 0, 7.99))
    row = int(tone)
    skin = SKIN[row] * (row + 1 - tone) + SKIN[row + 1] * (tone - row)
    skin = np.clip(skin * (1 + rng.normal(0, 0.03, 3)), 0.05, 0.98).astype(np.float32)
    fair = rng.random() < np.interp(tone, [1, 5], [0.8, 0.12])
    grey = rng.random() < np.interp(age, [0.6, 0.95], [0, 0.85])
    rows: tuple[int, ...] = GREY_HAIR if grey else FAIR_HAIR if fair else DARK_HAIR
    hair = HAIR[rng.choice(rows)] * rng.uniform(0.8, 1.15)
    share = np.array([0.3, 0.3, 0.12, 0.08, 0.12, 0.08])
    share[2:] *= np.interp(tone, [2, 5], [1, 0.1])
    iris = IRIS[rng.choice(len(IRIS), p=share / share.sum())]
    return tone, linear(skin), linear(hair), linear(iris)
