import json

import pytest

from fbnet.errors import BadInput
from fbnet.landmarks import SCHEMES, Scheme
from fbnet.predict.interface import Interface, describe, stated_scheme


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        ({}, ((0.0,), (1.0,))),
        ({"scale": "signed"}, ((0.5,), (0.5,))),
        ({"scale": "0..255"}, ((0.0,), (1 / 255,))),
        ({"mean": "0.1,0.2,0.3"}, ((0.1, 0.2, 0.3), (1.0,))),
        ({"mean": "0.5", "std": "0.2,0.3,0.4"}, ((0.5,), (0.2, 0.3, 0.4))),
    ],
)
def test_normalisation(declared, expected):
    assert Interface(**declared).normalisation == expected


@pytest.mark.parametrize(
    ("declared", "reason"),
    [
        ({"scale": "0..1", "mean": "0.5"}, "say the same thing"),
        ({"std": "1,0,1"}, "divided by 0"),
        ({"mean": "1,2"}, "one number or three"),
        ({"mean": "a,b,c"}, "one number or three"),
        ({"std": "nan"}, "one number or three"),
    ],
)
def test_refusals(declared, reason):
    with pytest.raises(BadInput, match=reason):
        Interface(**declared)


def test_a_file_of_ours_says_what_it_takes_unless_declared():
    ours = describe(size=112, scheme=SCHEMES[106], crop_scale=1.2, choice=[], commit="x", nme=0.1)
    assert Interface().filled(ours) == Interface(channels="BGR", scale="0..1")
    assert Interface(channels="RGB").filled(ours).channels == "RGB"
    assert Interface(mean="0.5").filled(ours) == Interface(channels="BGR", mean="0.5")


@pytest.mark.parametrize("text", ["not json", "[]", '{"channels": "BGR"}', '{"divide_by": 3}'])
def test_metadata_of_other_tools_says_nothing(text):
    assert Interface().filled({"preprocessing": text}) == Interface()


def test_metadata_states_how_to_use_the_file():
    metadata = describe(
        size=112, scheme=SCHEMES[106], crop_scale=1.2, choice=["a"], commit="c", nme=1 / 3
    )
    assert all(isinstance(value, str) for value in metadata.values())
    assert json.loads(metadata["preprocessing"])["channels"] == "BGR"
    landmarks = json.loads(metadata["landmarks"])
    assert (landmarks["points"], landmarks["order"]) == (106, "NNI")
    assert json.loads(metadata["architecture"]) == ["a"]
    assert (metadata["commit"], metadata["test_nme"]) == ("c", "0.333333")


def test_a_scheme_of_one_s_own_is_described_whole():
    scheme = Scheme(3, "own", (0, 1), (1, 0, 2), (), {"nose": (2,)})
    metadata = describe(size=112, scheme=scheme, crop_scale=1.2, choice=[])
    assert stated_scheme(metadata) == scheme
    known = describe(size=112, scheme=SCHEMES[68], crop_scale=1.2, choice=[])
    assert stated_scheme(known) is SCHEMES[68]
    assert stated_scheme({}) is None
    landmarks = json.loads(metadata["landmarks"])
    for wrong in ({"eyes": (0, 7)}, {"mirror": (0,)}, {"points": "many"}):
        changed = landmarks | {"scheme": landmarks["scheme"] | wrong}
        with pytest.raises(BadInput, match="metadata, landmarks"):
            stated_scheme({"landmarks": json.dumps(changed)})
