"""Descriptions of declared tasks: what the manifest and `GET /tasks` say of them."""

import functools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from whendue.declarations.definitions import TaskDefinition
from whendue.declarations.described import DescribedTask, compiled
from whendue.declarations.registry import DELIVERIES, Registry
from whendue.errors import UnknownTaskError
from whendue.jobs.failures import clip
from whendue.manifest.accepted_schema import AcceptedSchema
from whendue.manifest.model import Manifest
from whendue.quotas import REASON_BYTES, SCHEMA_BYTES


def manifest_of(registry: Registry, packages: Sequence[str]) -> Manifest:
    """Describe all tasks of a registry.

    Args:
        registry: it has imported the packages.
        packages: their names.
    """
    definitions = list(_definitions(registry, registry.all_names()))
    submitted = [definition for definition in definitions if definition.channel is None]
    return Manifest(
        packages=tuple(packages),
        tasks=tuple(map(accepting, submitted)),
        channels={
            definition.channel.name: definition.module
            for definition in definitions
            if definition.channel and not definition.is_shipped
        },
        unavailable=registry.unavailable,
        failures=tuple(registry.failures),
    )


def accepting(definition: TaskDefinition) -> DescribedTask:
    """Describe a task, with the schema by which its payloads are refused at submit."""
    return replace(describe(definition), accepts=_accepts(definition))


def described_tasks(registry: Registry) -> list[DescribedTask]:
    """Describe the tasks that users submit, by name. Those that cannot be imported are left out."""
    found = (described_task(registry, name) for name in registry.names())
    return [described for described in found if described]


def described_task(registry: Registry, name: str) -> DescribedTask | None:
    """Describe a task; None if none has this name, and for those of deliveries.

    One that a manifest describes is not imported for it.
    """
    if name.startswith(DELIVERIES):
        return None
    return registry.description(name) or next(map(describe, _definitions(registry, [name])), None)


def describe(definition: TaskDefinition) -> DescribedTask:
    """Describe a task. One whose model has no schema is described without."""
    return DescribedTask(
        name=definition.name,
        module=definition.module,
        description=_first_line(definition.function),
        policy=dict(definition.policy),
        has_backoff=definition.backoff is not None,
        unique=definition.unique,
        queue=definition.queue,
        schema=_schema(definition, GenerateJsonSchema),
    )


def _definitions(registry: Registry, names: Sequence[str]) -> Iterator[TaskDefinition]:
    for name in names:
        try:
            yield registry.get(name)
        except UnknownTaskError:
            continue


def _accepts(definition: TaskDefinition) -> Mapping[str, Any] | None:
    """Return the schema by which payloads are refused at submit; None for shipped tasks, which are imported for it."""
    schema = None if definition.is_shipped else _schema(definition, AcceptedSchema)
    try:
        compiled(schema or {})
    except ImportError:
        raise
    except Exception:  # noqa: BLE001 - a pattern that the library does not know; the worker validates the payload
        return None
    return schema


def _schema(definition: TaskDefinition, generator: type[GenerateJsonSchema]) -> Mapping[str, Any] | None:
    """Return the schema of what a task's model validates, in plain JSON values; None if it has none."""
    try:
        if definition.annotated:
            schema = definition.annotated.json_schema(schema_generator=generator)
        else:
            schema = definition.payload.model_json_schema(schema_generator=generator)
        text = json.dumps(schema, allow_nan=False)
    except BaseException:  # noqa: BLE001 - models of users make parts of it, and may hold what JSON cannot say
        return None
    plain: Mapping[str, Any] | None = json.loads(text) if len(text) <= SCHEMA_BYTES else None
    return plain


def _first_line(function: Callable[..., Any]) -> str:
    while isinstance(function, functools.partial):
        function = function.func
    text = getattr(function, "__doc__", None)
    lines = text.strip().splitlines() if isinstance(text, str) else []
    return clip(lines[0], REASON_BYTES) if lines else ""
