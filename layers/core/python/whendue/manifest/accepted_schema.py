"""The JSON Schema by which a payload is refused at submit: of all that a model may accept.

The schema that pydantic writes describes what to send, and refuses some of what the model takes: `"5"` for an integer,
a number for a time, a field by its other name. What submit refuses, no worker ever sees. So this schema allows
whatever pydantic converts (https://docs.pydantic.dev/latest/concepts/conversion_table/), and all where a validator of
users comes first; the model itself decides in the worker.
"""

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any, Final

from pydantic import AliasChoices, AliasPath
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, JsonSchemaValue

from whendue.declarations.described import BOOLEAN, INTEGER, NOT_ASCII, NUMBER, TIME

# What changes a text before it is checked.
_CHANGES: Final = ("strip_whitespace", "to_lower", "to_upper")
_JSON_VALUES: Final[tuple[Any, ...]] = ("", 0, 0.0, True, None, [], {})


class AcceptedSchema(GenerateJsonSchema):
    """Generates a schema that refuses nothing that the model accepts. What it cannot describe, it allows."""

    ignored_warning_kinds = {"skipped-choice", "non-serializable-default", "skipped-discriminator"}  # noqa: RUF012

    def handle_invalid_for_json_schema(self, schema: Any, error_info: str) -> JsonSchemaValue:  # noqa: ARG002
        """Allow any value."""
        return {}

    def generate(self, schema: Any, mode: JsonSchemaMode = "validation") -> JsonSchemaValue:
        """Return the schema; addresses may be numbers, too, whose schema none of the methods below makes."""
        written: JsonSchemaValue = _with_numbers(super().generate(schema, mode))
        return written

    # --- values that are converted ----------------------------------------------------------------------------

    def bool_schema(self, schema: Any) -> JsonSchemaValue:
        """Allow 0, 1 and words for them, too."""
        if self._is_strict(schema):
            return super().bool_schema(schema)
        return {"type": ["boolean", "integer", "string"], "minimum": 0, "maximum": 1, "pattern": BOOLEAN}

    def int_schema(self, schema: Any) -> JsonSchemaValue:
        """Allow digits in a text, too. A float without a fraction is an integer to JSON Schema."""
        written = super().int_schema(schema)
        return written if self._is_strict(schema) else _or_text(written, INTEGER)

    def float_schema(self, schema: Any) -> JsonSchemaValue:
        """Allow a number in a text, too, and multiples that are not exact."""
        written = super().float_schema(schema)
        written.pop("multipleOf", None)
        return written if self._is_strict(schema) else _or_text(written, NUMBER)

    def date_schema(self, schema: Any) -> JsonSchemaValue:
        """Allow seconds since 1970, too."""
        return _or_number(super().date_schema(schema), TIME)

    def time_schema(self, schema: Any) -> JsonSchemaValue:
        """Allow seconds since midnight, too."""
        return _or_number(super().time_schema(schema), TIME)

    def datetime_schema(self, schema: Any) -> JsonSchemaValue:
        """Allow seconds since 1970, too."""
        return _or_number(super().datetime_schema(schema), TIME)

    def timedelta_schema(self, schema: Any) -> JsonSchemaValue:
        """Allow seconds, too."""
        return _or_number(super().timedelta_schema(schema))

    def str_schema(self, schema: Any) -> JsonSchemaValue:
        """Leave out what is checked after the text is changed, and patterns of another dialect."""
        config = self._config
        written = super().str_schema(schema)
        pattern = written.pop("pattern", None)
        if schema.get("coerce_numbers_to_str", config.coerce_numbers_to_str):
            written["type"] = ["string", "number"]
        if any(schema.get(option, getattr(config, f"str_{option}")) for option in _CHANGES):
            return {"type": written["type"]}
        if isinstance(schema.get("pattern"), str) and schema.get("regex_engine", config.regex_engine) == "rust-regex":
            written["anyOf"] = [{"pattern": pattern}, {"pattern": NOT_ASCII}]
        return written

    def decimal_schema(self, schema: Any) -> JsonSchemaValue:
        """Allow any number in a text: the digits of a text are counted in several ways."""
        return next(iter(super().decimal_schema(schema).get("anyOf", [])), {})

    def bytes_schema(self, schema: Any) -> JsonSchemaValue:
        """Leave out the least length: it is of bytes, of which a character may have several."""
        written = super().bytes_schema(schema)
        written.pop("minLength", None)
        return written

    def literal_schema(self, schema: Any) -> JsonSchemaValue:
        """Allow what is equal in Python: true is 1."""
        return _or_equal(super().literal_schema(schema), schema["expected"])

    def enum_schema(self, schema: Any) -> JsonSchemaValue:
        """Allow what an enumeration of numbers, or one with `_missing_`, converts."""
        enumeration: type[Enum] = schema["cls"]
        if getattr(enumeration._missing_, "__func__", None) is not Enum.__dict__["_missing_"].__func__:
            return {}
        written = _or_equal(super().enum_schema(schema), [member.value for member in schema["members"]])
        if schema.get("sub_type") in ("int", "float"):
            return {"anyOf": [written, {"type": ["string", "boolean"]}]}
        return written

    # --- values of other values -------------------------------------------------------------------------------

    def set_schema(self, schema: Any) -> JsonSchemaValue:
        """Allow values that are there twice: the set has them once."""
        return _repeatable(super().set_schema(schema))

    def frozenset_schema(self, schema: Any) -> JsonSchemaValue:
        """Allow values that are there twice: the set has them once."""
        return _repeatable(super().frozenset_schema(schema))

    def tagged_union_schema(self, schema: Any) -> JsonSchemaValue:
        """Allow what several choices allow: each allows more than its model accepts."""
        written = super().tagged_union_schema(schema)
        written["anyOf"] = written.pop("oneOf")
        return written

    def is_instance_schema(self, schema: Any) -> JsonSchemaValue:
        """Refuse all if no JSON value is an instance of the class."""
        try:
            may_be = any(isinstance(value, schema["cls"]) for value in _JSON_VALUES)
        except Exception:  # noqa: BLE001 - a class of users may have its own idea of instances
            return {}
        return {} if may_be else {"not": {}}

    def model_schema(self, schema: Any) -> JsonSchemaValue:
        """Allow any object for a model whose fields have several names."""
        return {"type": "object"} if _has_other_names(schema["cls"]) else super().model_schema(schema)

    # --- what comes first is code of users, or takes several forms -------------------------------------------------

    def function_before_schema(self, schema: Any) -> JsonSchemaValue:
        """Allow what the validator says that it takes, or any value."""
        return self._input(schema)

    def function_wrap_schema(self, schema: Any) -> JsonSchemaValue:
        """Allow what the validator says that it takes, or any value."""
        return self._input(schema)

    def _input(self, schema: Any) -> JsonSchemaValue:
        declared = schema.get("json_schema_input_schema")
        return self.generate_inner(declared) if declared else {}

    def call_schema(self, schema: Any) -> JsonSchemaValue:  # noqa: ARG002
        """Allow any value."""
        return {}

    def named_tuple_schema(self, schema: Any) -> JsonSchemaValue:  # noqa: ARG002
        """Allow any value."""
        return {}

    def complex_schema(self, schema: Any) -> JsonSchemaValue:  # noqa: ARG002
        """Allow any value."""
        return {}

    def generator_schema(self, schema: Any) -> JsonSchemaValue:  # noqa: ARG002
        """Allow any value: texts and objects can be iterated over, too."""
        return {}

    def _is_strict(self, schema: Any) -> bool:
        return bool(schema.get("strict", self._config.strict))


def _or_text(written: JsonSchemaValue, pattern: str) -> JsonSchemaValue:
    """Allow a text or a truth value, too. Bounds are of numbers alone, the pattern is of texts alone."""
    return written | {"type": [written["type"], "string", "boolean"], "pattern": pattern}


def _or_number(written: JsonSchemaValue, pattern: str | None = None) -> JsonSchemaValue:
    """Allow a number or a truth value, too."""
    return written | {"type": ["string", "number", "boolean"]} | ({"pattern": pattern} if pattern else {})


def _or_equal(written: JsonSchemaValue, values: Sequence[Any]) -> JsonSchemaValue:
    """Allow a truth value where a number is expected, and a number where a truth value is."""
    if not any(isinstance(value, int) for value in values):
        return written
    return {"anyOf": [written, {"enum": [False, True, 0, 1]}]}


def _with_numbers(written: Any) -> Any:
    """Let each IP address be a number."""
    if isinstance(written, list):
        return [_with_numbers(part) for part in written]
    if not isinstance(written, dict):
        return written
    parts = {name: _with_numbers(part) for name, part in written.items()}
    is_address = written.get("type") == "string" and str(written.get("format")).startswith("ip")
    return parts | {"type": ["string", "number", "boolean"]} if is_address else parts


def _repeatable(written: JsonSchemaValue) -> JsonSchemaValue:
    """Leave out what is true of the set, and not of the list that it is made of."""
    return {name: value for name, value in written.items() if name not in ("uniqueItems", "maxItems")}


def _has_other_names(model: Any) -> bool:
    """Return whether a field of a model may be given by another name than the one that its schema shows."""
    config: Mapping[str, Any] = model.model_config
    by_name = config.get("populate_by_name") or config.get("validate_by_name")
    if by_name or config.get("validate_by_alias") is False:
        return True
    return any(isinstance(each.validation_alias, AliasChoices | AliasPath) for each in model.model_fields.values())
