"""Params of the `report` stage."""

from pydantic import Field

from fbnet.params.base import Section


class ReportParams(Section):
    """What results/report/report.html shows."""

    faces: int = Field(12, ge=1, le=200)
    """Test faces shown, spread evenly over the set."""
    worst: int = Field(12, ge=1, le=200)
    """Test faces with the largest errors shown."""
    baselines: str = "benchmarks/headline/table.json"
    """Table of other nets to set beside, as `python -m benchmarks.headline` leaves it."""
