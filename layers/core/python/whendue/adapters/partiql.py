"""Writes as DynamoDB wants them: PartiQL statements for batches, expressions for one. Pure functions.

Conditions are conjunctions only. Source:
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-reference.update.html
"""

from collections.abc import Iterator
from typing import Any

from whendue.adapters.attribute_values import to_attribute
from whendue.domain.writes import REMOVE, Absent, Below, Condition, In, Is, Plus, Write


def statement(table: str, write: Write) -> dict[str, Any]:
    """Give a BatchStatementRequest for the write."""
    text, values = _insert(table, write) if write.inserts else _update(table, write)
    return {
        "Statement": text,
        "Parameters": [to_attribute(value) for value in values],
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }


def _insert(table: str, write: Write) -> tuple[str, list[Any]]:
    item = {"pk": write.key.pk, "sk": write.key.sk} | dict(write.changes)
    places = ", ".join(f"'{name}': ?" for name in item)
    return f'INSERT INTO "{table}" VALUE {{{places}}}', list(item.values())


def _update(table: str, write: Write) -> tuple[str, list[Any]]:
    clauses, values = [], []
    for name, change in write.changes.items():
        if change is REMOVE:
            clauses.append(f'REMOVE "{name}"')
        elif isinstance(change, Plus):
            clauses.append(f'SET "{name}" = "{name}" + ?')
            values.append(change.amount)
        else:
            clauses.append(f'SET "{name}" = ?')
            values.append(change)
    tests = ["pk = ?", "sk = ?"]
    values += write.key
    for condition in write.expected:
        test, parameters = _test(condition)
        tests.append(test)
        values += parameters
    return f'UPDATE "{table}" {" ".join(clauses)} WHERE {" AND ".join(tests)}', values


def _test(condition: Condition) -> tuple[str, list[Any]]:
    match condition:
        case Is(field, value):
            return f'"{field}" = ?', [value]
        case In(field, values):
            return f'"{field}" IN [{", ".join("?" * len(values))}]', list(values)
        case Below(field, value):
            return f'"{field}" < ?', [value]
        case Absent():
            raise ValueError("an update has no Absent condition")


def put(table: str, write: Write) -> dict[str, Any]:
    """Give PutItem's arguments for an insert."""
    item = {"pk": write.key.pk, "sk": write.key.sk} | dict(write.changes)
    return {
        "TableName": table,
        "Item": {name: to_attribute(value) for name, value in item.items()},
        "ConditionExpression": "attribute_not_exists(pk)",
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }


def update(table: str, write: Write) -> dict[str, Any]:
    """Give UpdateItem's arguments for an update; it never creates an item, as PartiQL's UPDATE does not."""
    names: dict[str, str] = {}
    values: dict[str, Any] = {}

    def name(field: str) -> str:
        return names.setdefault(field, f"#{len(names)}")

    def value(of: object) -> str:
        values[f":{len(values)}"] = to_attribute(of)
        return f":{len(values) - 1}"

    sets, removes = [], []
    for field, change in write.changes.items():
        if change is REMOVE:
            removes.append(name(field))
        elif isinstance(change, Plus):
            sets.append(f"{name(field)} = {name(field)} + {value(change.amount)}")
        else:
            sets.append(f"{name(field)} = {value(change)}")

    def tests() -> Iterator[str]:
        yield "attribute_exists(pk)"
        for condition in write.expected:
            match condition:
                case Is(field, wanted):
                    yield f"{name(field)} = {value(wanted)}"
                case In(field, several):
                    yield f"{name(field)} IN ({', '.join(map(value, several))})"
                case Below(field, limit):
                    yield f"{name(field)} < {value(limit)}"

    clauses = [f"SET {', '.join(sets)}" if sets else "", f"REMOVE {', '.join(removes)}" if removes else ""]
    arguments = {
        "TableName": table,
        "Key": {"pk": to_attribute(write.key.pk), "sk": to_attribute(write.key.sk)},
        "UpdateExpression": " ".join(filter(None, clauses)),
        "ConditionExpression": " AND ".join(tests()),
        "ExpressionAttributeNames": {short: field for field, short in names.items()},
        "ExpressionAttributeValues": values,
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
    return {key: part for key, part in arguments.items() if part}
