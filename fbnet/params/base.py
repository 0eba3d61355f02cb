"""What all params sections share."""

from collections.abc import Mapping
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from fbnet.errors import BadInput


class Section(BaseModel):
    """One section of params.yaml: frozen, typed, no unknown keys.

    The defaults serve library users; the pipeline's params.yaml states every key, so that DVC
    tracks every value.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    @classmethod
    def checked(cls, values: Mapping[str, Any], where: str) -> Self:
        """The section with these values, all others by default, for users outside params.yaml.

        Raises BadInput for the first fault: `where`, key, value and reason.
        """
        try:
            return cls.model_validate(dict(values), strict=True)
        except ValidationError as error:
            problem = error.errors()[0]
            key = ".".join(map(str, problem["loc"]))
            reason = problem["msg"][0].lower() + problem["msg"][1:]
            raise BadInput(f"{where} {key} {problem['input']}: {reason}") from None
