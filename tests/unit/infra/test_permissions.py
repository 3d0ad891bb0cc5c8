"""infra/permissions.yaml holds together; the end-to-end suite compares it with what the functions call."""

import re

import yaml

from localstack.topology import ROOT, topology

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
