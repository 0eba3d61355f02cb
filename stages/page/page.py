"""From a context to one HTML file that needs nothing else."""

from typing import Any


def render(template: str, **context: Any) -> str:
    """Fill a template of fbnet/report/templates; values are escaped, a missing one is an error."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("stages.page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(**context)
