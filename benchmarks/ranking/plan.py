"""Which trainings the benchmark wants."""

from benchmarks.ranking import searches
from benchmarks.ranking.jobs import Job, results
from benchmarks.ranking.setting import Setting

STRIDE = 4


def trainings(setting: Setting) -> list[Job]:
    """In order: the searched one and the sample, then what the other searches chose.

    The first seed of all comes before the second of any, and every STRIDE-th of the sample before
    its neighbours, so that an interrupted run spans the costs. Ablations take the first seed
    alone; the searched one is also trained from the supernet's weights, for their table.
    """
    seeds, sample = setting.ranking.recipe.seeds, setting.sample
    ranked = [setting.chosen, *(c for start in range(STRIDE) for c in sample[start::STRIDE])]
    whole = searches.repeated(setting) | searches.by_budget(setting)
    found, varied = (
        [tuple(result["choice"]) for result in results(made).values()]
        for made in (whole, searches.ablations(setting))
    )
    wanted = [
        *setting.ledger.jobs([*ranked, *found], seeds),
        *setting.ledger.jobs(varied, seeds[:1]),
        *setting.inheriting.jobs([setting.chosen], seeds[:1]),
    ]
    return list({job.path: job for job in wanted}.values())
