"""A boto3 client whose next calls meet a chosen fate: between adapter and service, so that both stay themselves."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import ClientError, ConnectionClosedError, EndpointConnectionError

Call = Callable[..., Any]
Fault = Callable[[Call, dict[str, Any]], Any]


class Wire:
    """Passes calls on, notes them, and lets the next ones of an operation meet their fates in order."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._faults: defaultdict[str, list[Fault]] = defaultdict(list)
        self.calls: list[str] = []

    def next(self, operation: str, *faults: Fault) -> None:
        self._faults[operation] += faults

    @property
    def faults_left(self) -> int:
        return sum(map(len, self._faults.values()))

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._client, name)
        if name == "exceptions":
            return real

        def call(**arguments: Any) -> Any:
            self.calls.append(name)
            return self._faults[name].pop(0)(real, arguments) if self._faults[name] else real(**arguments)

        return call


def error(code: str, *, status: int = 400, message: str = "injected") -> Fault:
    """The service refuses the whole call."""

    def fault(call: Call, arguments: dict[str, Any]) -> Any:
        reply = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
        raise ClientError(reply, "Injected")  # type: ignore[arg-type]

    return fault


def unreachable(call: Call, arguments: dict[str, Any]) -> Any:
    """Nothing arrives."""
    raise EndpointConnectionError(endpoint_url="http://injected")


def lost_reply(call: Call, arguments: dict[str, Any]) -> Any:
    """The effect takes place, its reply is lost."""
    call(**arguments)
    raise ConnectionClosedError(endpoint_url="http://injected")


def some_statements(code: str, *numbers: int) -> Fault:
    """Only the other statements of a batch are carried out; these end with an error of their own."""

    def fault(call: Call, arguments: dict[str, Any]) -> Any:
        statements = arguments["Statements"]
        kept = [statement for number, statement in enumerate(statements) if number not in numbers]
        replies = iter(call(**arguments | {"Statements": kept})["Responses"] if kept else [])
        failed = {"Error": {"Code": code, "Message": "injected"}}
        return {"Responses": [failed if number in numbers else next(replies) for number in range(len(statements))]}

    return fault


def without_items(call: Call, arguments: dict[str, Any]) -> Any:
    """Refusals come without the item that refused, as AWS's DuplicateItem does."""
    reply = call(**arguments)
    for answer in reply["Responses"]:
        answer.get("Error", {}).pop("Item", None)
    return reply


def first_keys(number: int) -> Fault:
    """BatchGetItem reads the first keys only and names the others as unprocessed."""

    def fault(call: Call, arguments: dict[str, Any]) -> Any:
        [(table, wanted)] = arguments["RequestItems"].items()
        now, later = wanted["Keys"][:number], wanted["Keys"][number:]
        reply = call(**arguments | {"RequestItems": {table: wanted | {"Keys": now}}}) if now else {"Responses": {}}
        return reply | {"UnprocessedKeys": {table: wanted | {"Keys": later}}}

    return fault


def short_page(call: Call, arguments: dict[str, Any]) -> Any:
    """A query's page ends after one item, as it does on AWS after 1 MB."""
    return call(**arguments | {"Limit": 1})


def some_entries(code: str, *numbers: int, sender_fault: bool = False) -> Fault:
    """Only the other entries of an SQS batch are carried out; these are in `Failed`."""

    def fault(call: Call, arguments: dict[str, Any]) -> Any:
        entries = arguments["Entries"]
        kept = [entry for number, entry in enumerate(entries) if number not in numbers]
        reply: Mapping[str, Any] = call(**arguments | {"Entries": kept}) if kept else {}
        failed = [
            {"Id": entries[number]["Id"], "Code": code, "SenderFault": sender_fault, "Message": "injected"}
            for number in numbers
        ]
        return {"Successful": reply.get("Successful", []), "Failed": [*reply.get("Failed", []), *failed]}

    return fault
