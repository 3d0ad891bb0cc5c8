"""examples/direct_submit.py: an order and its job, both or neither; mypy checks it with the rest of the repository."""

import runpy
import sys
from collections.abc import Iterator

import pytest

from localstack.deploy.clients import Clients
from localstack.paths import ROOT
from tests.builders.account import deployed


@pytest.fixture(autouse=True)
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clients]:
    """Deploy, with a table of orders."""
    monkeypatch.setenv("ORDERS", "orders")
    monkeypatch.setenv("WHENDUE_EMAIL_FROM", "shop@example.com")
    monkeypatch.setenv("WHENDUE_EMAIL_RECIPIENTS", '{"acme": ["user@example.com"]}')
    with deployed(monkeypatch) as clients:
        clients.dynamodb.create_table(
            TableName="orders",
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        )
        yield clients


def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> list[str]:
    monkeypatch.setattr(sys, "argv", ["direct_submit.py", "7"])
    runpy.run_path(str(ROOT / "examples/direct_submit.py"), run_name="__main__")
    return capsys.readouterr().out.splitlines()


def test_an_order_that_is_taken_twice_has_one_job(
    account: Clients, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The second transaction is refused as a whole, and names the job of the first."""
    [first] = run(monkeypatch, capsys)
    words, second = run(monkeypatch, capsys)
    assert words == "the order was taken before"
    assert first == second
    assert first.endswith(" email queued")
    assert account.dynamodb.scan(TableName="orders")["Count"] == 1
