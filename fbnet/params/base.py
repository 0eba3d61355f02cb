"""What all params sections share."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """One section of params.yaml: frozen, typed, no unknown keys.

    The defaults serve library users; the pipeline's params.yaml states every key, so that DVC
    tracks every value.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)
