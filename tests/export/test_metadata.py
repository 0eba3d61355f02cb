import json

from fbnet.export.metadata import describe


def test_metadata_tells_how_to_use_the_file():
    told = describe(size=112, points=106, crop_scale=1.2, choice=["a", "b"], commit="c", nme=1 / 3)
    assert all(isinstance(value, str) for value in told.values())
    assert json.loads(told["preprocessing"])["channels"] == "BGR"
    landmarks = json.loads(told["landmarks"])
    assert (landmarks["points"], landmarks["order"]) == (106, "NNI")
    assert json.loads(told["architecture"]) == ["a", "b"]
    assert (told["commit"], told["test_nme"]) == ("c", "0.333333")
