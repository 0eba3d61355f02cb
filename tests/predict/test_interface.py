import pytest

from fbnet.errors import BadInput
from fbnet.export.metadata import describe
from fbnet.predict.interface import Interface


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


def test_a_file_of_ours_says_what_it_takes_unless_told_otherwise():
    ours = describe(size=112, points=106, crop_scale=1.2, choice=[], commit="x", nme=0.1)
    assert Interface().filled(ours) == Interface(channels="BGR", scale="0..1")
    assert Interface(channels="RGB").filled(ours).channels == "RGB"
    assert Interface(mean="0.5").filled(ours) == Interface(channels="BGR", mean="0.5")


@pytest.mark.parametrize("text", ["not json", "[]", '{"channels": "BGR"}', '{"divide_by": 3}'])
def test_metadata_of_other_tools_says_nothing(text):
    assert Interface().filled({"preprocessing": text}) == Interface()
