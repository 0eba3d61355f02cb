"""The file beside the benchmark is whole, typed, and refused with its key when it is not."""

import pytest
from ruamel.yaml import YAML

from benchmarks.ranking.params import FILE, load
from fbnet.errors import BadInput


def test_the_file_states_every_key_with_its_meaning():
    raw = YAML(typ="rt").load(FILE)
    for name, section in load():
        assert list(raw[name]) == list(type(section).model_fields)
        for key, field in type(section).model_fields.items():
            comment = raw[name].ca.items[key][2].value.splitlines()[0]
            assert comment.removeprefix("# ") == field.description, f"{name}.{key}"


@pytest.mark.parametrize(
    ("sound", "unsound", "message"),
    [
        ("count: 20", "count: 2", r"sample\.count is 2"),
        ("budgets: [", "budgets: [-1, ", r"searches\.budgets\.0 is -1"),
        ("tables: [", "tables: [phone/kit.json, ", r"searches\.tables .*rename one"),
    ],
)
def test_an_unsound_value_is_named(tmp_path, sound, unsound, message):
    path = tmp_path / "params.yaml"
    path.write_text(FILE.read_text().replace(sound, unsound))
    with pytest.raises(BadInput, match=rf"params.yaml:\d+: {message}"):
        load(path)
