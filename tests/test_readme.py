"""What the README shows works as it stands."""

import os
import re
import subprocess
import sys
from pathlib import Path

from fbnet.faces.faceset import FaceSet

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
SHORTER = "beta=0.6, epochs=3, warmup_epochs=1, min_steps=0, arch_batch=4"
BEFORE = """
import sys
sys.modules.update(mlflow=None, dvc=None)  # importing either fails from here on
import torch
images = torch.rand(2, 3, 32, 32)
"""
AFTER = """
assert len(choice) == 5 and landmarks.shape == (2, 68, 2), (choice, landmarks.shape)
print("snippet ran")
"""


def test_the_library_snippet_runs_without_mlflow_and_dvc(faces: FaceSet, tmp_path: Path) -> None:
    faces.save(tmp_path / "results/fetch/faces")
    (snippet,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert "nas_lr=0.2" in snippet and "beta=0.6" in snippet
    shorter = snippet.replace("nas_lr=0.2", "nas_lr=2.0").replace("beta=0.6", SHORTER)
    run = [sys.executable, "-c", BEFORE + shorter + AFTER]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True, env=environment)
    assert "snippet ran" in done.stdout, done.stderr


def test_links_to_files_lead_somewhere() -> None:
    targets = re.findall(r"\]\(([^)#]+)\)", README)
    files = [target for target in targets if "://" not in target]
    assert files
    missing = [name for name in files if not (ROOT / name).exists()]
    assert not missing
