"""MLflow as a projection of the stages' files: the only package that imports mlflow.

One parent run for a run of the pipeline, one child for each attempt of a stage. The files under
results/ are the truth; no run id ever enters them.
"""

from stages.tracking.runs import PROFILE, pipeline_run, register, stage_run
from stages.tracking.store import finished_runs
from stages.tracking.ui import serve

__all__ = ["PROFILE", "finished_runs", "pipeline_run", "register", "serve", "stage_run"]
