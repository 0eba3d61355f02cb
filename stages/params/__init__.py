"""The params of the pipeline: their schema, and params.yaml read, checked and written.

`schema`: what there is. `yaml_file`: any YAML file, within bounds. `checking`: the file against the
schema. `contradictions`: what does not go together. `text`: the file, written anew.
"""

from stages.params.checking import RENAMED, load, params_of
from stages.params.schema import MlflowParams, Params, ReportParams, renders
from stages.params.text import render, rewrite
from stages.params.yaml_file import leaves, lookup, read_yaml

__all__ = [
    "RENAMED", "MlflowParams", "Params", "ReportParams", "leaves", "load", "lookup",
    "params_of", "read_yaml", "render", "renders", "rewrite",
]  # fmt: skip
