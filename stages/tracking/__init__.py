"""MLflow as a projection of the stages' files: the only package that imports mlflow.

One parent run for a run of the pipeline, one child for each attempt of a stage. The files under
results/ are the truth; no run id ever enters them.
"""

from stages.tracking.compare import finished_runs
from stages.tracking.pipeline import pipeline_run
from stages.tracking.place import Log
from stages.tracking.stage import stage_run

__all__ = ["Log", "finished_runs", "pipeline_run", "stage_run"]
