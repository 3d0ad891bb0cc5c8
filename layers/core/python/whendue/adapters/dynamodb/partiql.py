"""Writes as DynamoDB wants them: PartiQL statements for batches, expressions for one. Pure functions.

Conditions are conjunctions only. Source:
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-reference.update.html
"""

from typing import Any

from whendue.adapters.dynamodb.attribute_values import to_attribute
from whendue.table.writes import REMOVE, Absent, Below, Condition, Has, In, Is, Lacks, Less, Plus, Write


def statement(table: str, write: Write) -> dict[str, Any]:
    """Return a BatchStatementRequest for the write."""
    make = _insert if write.inserts else _delete if write.deletes else _update
    text, values = make(table, write)
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
    clauses: list[str] = []
    values: list[Any] = []
    for name, change in write.changes.items():
        if change is REMOVE:
            clauses.append(f'REMOVE "{name}"')
        elif isinstance(change, Plus):
            clauses.append(f'SET "{name}" = "{name}" + ?')
            values.append(change.amount)
        elif isinstance(change, Less):
            clauses.append(f'SET "{name}" = set_delete("{name}", ?)')
            values.append(change.members)
        else:
            clauses.append(f'SET "{name}" = ?')
            values.append(change)
    where, parameters = _where(write)
    return f'UPDATE "{table}" {" ".join(clauses)} {where}', values + parameters


def _delete(table: str, write: Write) -> tuple[str, list[Any]]:
    where, parameters = _where(write)
    return f'DELETE FROM "{table}" {where}', parameters  # noqa: S608 - the table's name is a setting


def _where(write: Write) -> tuple[str, list[Any]]:
    tests = ["pk = ?", "sk = ?"]
    values: list[Any] = [*write.key]
    for condition in write.expected:
        test, parameters = _test(condition)
        tests.append(test)
        values += parameters
    return f"WHERE {' AND '.join(tests)}", values


def _test(condition: Condition) -> tuple[str, list[Any]]:
    match condition:
        case Is(field, value):
            return f'"{field}" = ?', [value]
        case In(field, values):
            return f'"{field}" IN [{", ".join("?" * len(values))}]', list(values)
        case Below(field, value):
            return f'"{field}" < ?', [value]
        case Has(field):
            return f'"{field}" IS NOT MISSING', []
        case Lacks(field):
            return f'"{field}" IS MISSING', []
        case Absent():
            raise ValueError("an update has no Absent condition")


def put(table: str, write: Write) -> dict[str, Any]:
    """Return PutItem's arguments for an insert."""
    item = {"pk": write.key.pk, "sk": write.key.sk} | dict(write.changes)
    return {
        "TableName": table,
        "Item": {name: to_attribute(value) for name, value in item.items()},
        "ConditionExpression": "attribute_not_exists(pk)",
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }


def update(table: str, write: Write) -> dict[str, Any]:
    """Return UpdateItem's arguments for an update; it never creates an item, as PartiQL's UPDATE does not."""
    aliases = _Aliases()
    removes = [aliases.name(field) for field, change in write.changes.items() if change is REMOVE]
    less = [aliases.less(field, change) for field, change in write.changes.items() if isinstance(change, Less)]
    sets = [aliases.change(field, change) for field, change in write.changes.items() if _sets(change)]
    clauses = [
        f"{verb} {', '.join(parts)}" for verb, parts in (("SET", sets), ("REMOVE", removes), ("DELETE", less)) if parts
    ]
    arguments = {
        "TableName": table,
        "Key": {"pk": to_attribute(write.key.pk), "sk": to_attribute(write.key.sk)},
        "UpdateExpression": " ".join(clauses),
        "ConditionExpression": " AND ".join(["attribute_exists(pk)", *map(aliases.test, write.expected)]),
        "ExpressionAttributeNames": {alias: field for field, alias in aliases.names.items()},
        "ExpressionAttributeValues": aliases.values,
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
    return {key: part for key, part in arguments.items() if part}


def _sets(change: object) -> bool:
    return change is not REMOVE and not isinstance(change, Less)


def remove(table: str, write: Write) -> dict[str, Any]:
    """Return DeleteItem's arguments for a delete; deleting a missing item succeeds."""
    aliases = _Aliases()
    arguments = {
        "TableName": table,
        "Key": {"pk": to_attribute(write.key.pk), "sk": to_attribute(write.key.sk)},
        "ConditionExpression": " AND ".join(map(aliases.test, write.expected)),
        "ExpressionAttributeNames": {alias: field for field, alias in aliases.names.items()},
        "ExpressionAttributeValues": aliases.values,
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
    return {key: part for key, part in arguments.items() if part}


class _Aliases:
    """The short names that an expression uses for fields (`#0`) and values (`:0`): many field names are reserved."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}
        self.values: dict[str, Any] = {}

    def name(self, field: str) -> str:
        return self.names.setdefault(field, f"#{len(self.names)}")

    def value(self, of: object) -> str:
        alias = f":{len(self.values)}"
        self.values[alias] = to_attribute(of)
        return alias

    def change(self, field: str, change: object) -> str:
        if isinstance(change, Plus):
            return f"{self.name(field)} = {self.name(field)} + {self.value(change.amount)}"
        return f"{self.name(field)} = {self.value(change)}"

    def less(self, field: str, change: Less) -> str:
        return f"{self.name(field)} {self.value(change.members)}"

    def test(self, condition: Condition) -> str:
        match condition:
            case Is(field, value):
                return f"{self.name(field)} = {self.value(value)}"
            case In(field, values):
                return f"{self.name(field)} IN ({', '.join(map(self.value, values))})"
            case Below(field, value):
                return f"{self.name(field)} < {self.value(value)}"
            case Has(field):
                return f"attribute_exists({self.name(field)})"
            case Lacks(field):
                return f"attribute_not_exists({self.name(field)})"
            case Absent():
                raise ValueError("an update has no Absent condition")
