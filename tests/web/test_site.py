"""The folder of the pages: whole, or as it was."""

import json
import shutil
from pathlib import Path

import onnx
import pytest

from fbnet.errors import BadInput
from fbnet.files import digest, read_json, write_json
from fbnet.predict.landmarker import PRETRAINED
from fbnet.web import runtime
from fbnet.web.equations import kit_for
from fbnet.web.site import KIT, write_site
from stages.cli import main
from tests.web.conftest import CONTENTS

pytestmark = pytest.mark.xdist_group("web")  # one browser, one kit


@pytest.fixture(autouse=True)
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache that holds the engine's names."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    runtime.runtime_folder().mkdir(parents=True)
    for name in runtime.FILES:
        (runtime.runtime_folder() / name).write_text(name)


def test_the_folder_holds_all_that_the_pages_load(kit: Path, tmp_path: Path) -> None:
    out = tmp_path / "web"
    write_site(out, PRETRAINED, kit)
    index = json.loads((out / "site.json").read_text())
    named = [index["model"]["file"], *(m["file"] for m in index["kit"]["models"].values())]
    named += [f"onnxruntime/{name}" for name in runtime.FILES]
    named += [f"detector/{name}.onnx" for name in ("pnet", "rnet", "onet")]
    assert all((out / name).is_file() for name in named)
    assert digest(out / "model.onnx") == digest(PRETRAINED)
    card = index["model"]
    assert (card["points"], card["size"], card["channels"]) == (106, 112, "BGR")
    stated = {entry.key: entry.value for entry in onnx.load(PRETRAINED).metadata_props}
    assert card["nme"] == float(stated["test_nme"]) > 0 and len(card["architecture"]) == 5
    assert sorted(p for points in card["regions"].values() for p in points) == [*range(106)]
    assert set(index["kit"]["models"]) == set(CONTENTS.keys())
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_pages_replace_pages_and_nothing_else(kit: Path, tmp_path: Path) -> None:
    out = tmp_path / "web"
    write_site(out, PRETRAINED, kit)
    (out / "old.html").touch()
    with pytest.raises(BadInput, match=r"old\.html: not of these pages, which would replace it"):
        write_site(out, PRETRAINED)
    index = read_json(out / "site.json")
    write_json(out / "site.json", index | {"files": [*index["files"], "old.html"]})
    write_site(out, PRETRAINED)  # of an earlier version
    assert not (out / "old.html").exists() and not (out / KIT).exists()
    for other in ([], {"files": 5}, {"files": None}):
        write_json(out / "site.json", other)
        with pytest.raises(BadInput, match=r"not of these pages, which would replace it"):
            write_site(out, PRETRAINED)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/letter.txt").touch()
    for used, part in ((tmp_path / "mine", "not of these pages"), (out / "site.json", "is a file")):
        with pytest.raises(BadInput, match=part):
            write_site(used, PRETRAINED)
    command = ["web", str(out), "--serve", "--tables", str(out / "device")]
    assert main(command) == 2


def test_a_model_of_another_origin_is_refused(tmp_path: Path) -> None:
    model = onnx.load(PRETRAINED)
    del model.metadata_props[:]
    onnx.save(model, tmp_path / "other.onnx")
    with pytest.raises(BadInput, match=r"other\.onnx: not of this project"):
        write_site(tmp_path / "web", tmp_path / "other.onnx")
    assert not (tmp_path / "web").exists()


def test_a_kit_for_other_engines_is_refused(kit: Path, tmp_path: Path) -> None:
    manifest = shutil.copytree(kit, tmp_path / "kit") / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"onnxruntime": [', '"ncnn": ['))
    with pytest.raises(BadInput, match="holds no models for onnxruntime"):
        write_site(tmp_path / "web", PRETRAINED, tmp_path / "kit")
    assert not (tmp_path / "web").exists()


def test_what_is_no_whole_kit_is_refused(kit: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "empty").mkdir()
    for other in ("none", "file", "empty"):
        with pytest.raises(BadInput, match=rf"{other}: no kit, it holds no manifest\.json"):
            write_site(tmp_path / "web", PRETRAINED, tmp_path / other)
    part = shutil.copytree(kit, tmp_path / "part")
    (part / "models/onnxruntime/net-0.onnx").unlink()
    with pytest.raises(BadInput, match=r"net-0\.onnx: no such file; copy the kit whole"):
        write_site(tmp_path / "web", PRETRAINED, part)
    manifest = json.loads((part / "manifest.json").read_text())
    write_json(part / "manifest.json", manifest | {"models": {}})
    with pytest.raises(BadInput, match=r"manifest\.json: states no model \S+; write the kit again"):
        write_site(tmp_path / "web", PRETRAINED, part)
    write_json(part / "manifest.json", manifest | {"models": {"net-0": 3}})
    with pytest.raises(BadInput, match=r"manifest\.json: models\.net-0 is 3"):
        write_site(tmp_path / "web", PRETRAINED, part)
    assert not (tmp_path / "web").exists()


def test_a_kit_of_the_same_contents_is_kept(kit: Path, tmp_path: Path) -> None:
    assert kit_for(CONTENTS, 0, kit, tmp_path / "new") == kit
    assert kit_for(CONTENTS, 0, tmp_path / "none", tmp_path / "new") == tmp_path / "new"
    assert digest(tmp_path / "new/manifest.json") == digest(kit / "manifest.json")
