"""Base class for settings: frozen, strictly typed, with one sentence per error."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    ModelWrapValidatorHandler,
    ValidationError,
    model_validator,
)

from cdk_app.settings.errors import InvalidStage
from cdk_app.settings.sentences import sentence_of


class Settings(BaseModel):
    """A group of settings, each a `Field` with its default, limits, unit and description.

    Attributes
    ----------
    GROUP : str
        The attribute of `Stage` for the group, and the prefix of error messages; empty for `Stage`
        itself.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    GROUP: ClassVar[str] = ""

    @model_validator(mode="wrap")
    @classmethod
    def _refuse_in_one_sentence(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        try:
            return handler(data)
        except ValidationError as error:
            if not error.errors()[0]["loc"]:
                raise  # not a group: the outer model reports this
            raise InvalidStage(sentence_of(error, cls, cls.GROUP)) from None

    def changed(self, **values: object) -> Self:
        """Return a copy with other values, validated; a mapping changes values in a group.

        Raises
        ------
        InvalidStage
        """
        return type(self)(
            **{
                **{name: getattr(self, name) for name in type(self).model_fields},
                **{name: self._changed(name, value) for name, value in values.items()},
            }
        )

    def _changed(self, name: str, value: object) -> object:
        group = getattr(self, name, None)
        if isinstance(group, Settings) and isinstance(value, Mapping):
            return group.changed(**value)
        return value


def unit(name: str) -> dict[str, Any]:
    """Return a `Field`'s unit in the form of `json_schema_extra`."""
    return {"unit": name}
