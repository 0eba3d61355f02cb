"""Numbers over steps: batched, each logged once, kept back while the store is away."""

import re
import time
from collections.abc import Iterable
from typing import Any

from stages.tracking.results import STEP_COLUMNS, finite
from stages.tracking.store import Store, attempt

BATCH = 1000
"""Most metrics that MLflow takes in one call."""
FORBIDDEN = re.compile(r"[^\w\-. /:]")


class Series:
    """Metrics of one run. Adding the same name and step again changes nothing."""

    def __init__(self, store: Store, run_id: str) -> None:
        self._store = store
        self._run_id = run_id
        self._seen: set[tuple[str, int]] = set()
        self._pending: list[Any] = []
        self._away = False

    def log(self, step: int, numbers: dict[str, float]) -> None:
        """Record the numbers of a step (an epoch). Never raises: training goes on."""
        self.add(step, numbers)
        if not self._away:
            self._away = not attempt("logging (kept for the end of the stage)", self.flush)

    def add(self, step: int, numbers: dict[str, float]) -> None:
        """Put numbers in line for the next flush."""
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        for name, value in finite(numbers).items():
            key = (FORBIDDEN.sub("_", name), step)
            if name not in STEP_COLUMNS and key not in self._seen:
                self._seen.add(key)
                self._pending.append(Metric(key[0], value, now, step))

    def add_rows(self, rows: Iterable[tuple[int, dict[str, float]]]) -> None:
        """Put in line what of these (step, numbers) is not logged yet."""
        for step, numbers in rows:
            self.add(step, numbers)

    def flush(self) -> None:
        """Send what is in line, in as few calls as can be."""
        while self._pending:
            self._store.client.log_batch(self._run_id, metrics=self._pending[:BATCH])
            del self._pending[:BATCH]
