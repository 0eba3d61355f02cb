"""A job: what is run, and the digest of all that its result depends on."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmarks.core.ledger import Ledger


def digest(value: Any) -> str:
    """Sixteen hex digits of a JSON-able value."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


@dataclass(frozen=True, eq=False)
class Job:
    """One piece of work of a benchmark, which leaves one record.

    name: unique in its benchmark, such as `rendered/one/lite-2`; the record's path. setting: all
    that the result depends on but the code and `needs`, JSON-able: params in full, and digests of
    inputs (`faces.identity`), not the places where they lie. work: called with the job and the
    ledger, gives the JSON-able result; picklable, as `inputs` are. inputs: what the work needs to
    know of this machine, such as the folder of the faces. needs: jobs that must be done before.
    leaves: suffix of a file outside git (`Ledger.file`) that the work writes for jobs that need
    this one; where it is lost and needed, the job runs again, and its record stays.
    """

    name: str
    setting: Mapping[str, Any]
    work: "Callable[[Job, Ledger], Mapping[str, Any]]"
    inputs: Any = None
    needs: "tuple[Job, ...]" = ()
    leaves: str = ""

    @cached_property
    def digest(self) -> str:
        """Identifies the setting, with the settings of all that it needs."""
        needs = {job.name: job.digest for job in self.needs}
        return digest({"setting": self.setting, "needs": needs})
