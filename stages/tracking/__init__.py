"""MLflow as a projection of the stages' files: the only package that imports mlflow.

One parent run for a run of the pipeline, one child for each attempt of a stage. The files under
results/ are the truth; no run id ever enters them.
"""

from stages.tracking.runs import pipeline_run, stage_run
from stages.tracking.store import finished_runs

__all__ = ["finished_runs", "pipeline_run", "stage_run"]
