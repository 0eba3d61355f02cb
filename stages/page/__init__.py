"""Self-contained HTML pages: the report of one run (`report`) and the comparison of runs (`runs`).

A page is a Jinja template in `templates/` filled with charts (`charts`) and tables (`tables`). The
colours and the type are those of the pages that `fbnet web` writes.
"""

from typing import Any


def render(template: str, **context: Any) -> str:
    """Fill a template of stages/page/templates. Values are escaped; a missing one is an error."""
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=ChoiceLoader([PackageLoader("stages.page"), PackageLoader("fbnet.web", "files")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(**context)
