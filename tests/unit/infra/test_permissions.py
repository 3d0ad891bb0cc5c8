"""infra/permissions.yaml holds together; the end-to-end suite compares it with what the functions call."""

import re

import yaml

from localstack.topology import ROOT, topology
from tests.e2e.tasks._every_function import PARTS, meanings
from whendue.adapters.dynamodb.store import _transacted
from whendue.table.keys import Key
from whendue.table.writes import Is, Write, delete, insert

PERMISSIONS = yaml.safe_load((ROOT / "infra/permissions.yaml").read_text())
ACTIONS = [actions for resources in PERMISSIONS.values() for actions in resources.values()]
# Alone in its call, or beside others: how many changes come together is chance.
PAIRS = [("PutItem", "PartiQLInsert"), ("UpdateItem", "PartiQLUpdate"), ("DeleteItem", "PartiQLDelete")]


def test_every_function_has_its_permissions() -> None:
    """Without any, it could not even start."""
    assert PERMISSIONS.keys() == topology().functions.keys()


def test_who_may_change_an_item_alone_may_do_so_beside_others() -> None:
    """A suite that happened to see one only would leave out the other."""
    for actions in ACTIONS:
        for first, second in PAIRS:
            assert (f"dynamodb:{first}" in actions) == (f"dynamodb:{second}" in actions)


def test_actions_are_exact() -> None:
    """A pattern allows what nobody has thought of."""
    assert all(re.fullmatch(r"[a-z0-9]+:[A-Za-z]+", action) for actions in ACTIONS for action in actions)
    assert all(actions == sorted(set(actions)) for actions in ACTIONS)


def test_a_transaction_needs_the_actions_of_its_parts() -> None:
    """AWS knows no action `TransactWriteItems`: a policy that names it allows nothing."""
    key = Key("UNIQUE#a", "holder")
    writes = [insert("hold_key", key, {}), Write("take_key", key, [Is("fence", "f")], {"fence": "g"}), delete("x", key)]
    parts = [_transacted("table", write) for write in writes]
    needed = {action for _, action in meanings("dynamodb", "TransactWriteItems", {"TransactItems": parts})}
    assert needed == {"dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"}
    assert set(PARTS.values()) == {"PutItem", "UpdateItem", "DeleteItem", "ConditionCheckItem"}
    assert not any("Transact" in action for actions in ACTIONS for action in actions)


def test_who_submits_jobs_may_take_their_unique_keys() -> None:
    """The job and its key are put, a key that was held before is updated, and so is a job that is replaced."""
    for function in ("api", "timer", "worker"):
        assert {"dynamodb:PutItem", "dynamodb:UpdateItem"} <= set(PERMISSIONS[function]["table"])
