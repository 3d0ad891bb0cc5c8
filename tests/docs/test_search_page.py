"""docs/guide/search.md: its queries find as many jobs as the page says, and its bounds are those of the code."""

import json
import re
from functools import partial
from typing import Any, Final

from tests.builders.api import a_token, api_of
from tests.builders.gateway import Client, Request
from tests.builders.world import World
from tests.docs.pages import example_of, text_of
from whendue.quotas import (
    DEAD_LETTERS_COUNTED,
    DEAD_TENANT_GROUPS,
    DEAD_TENANTS_AT_ONCE,
    LIST_ENTRIES,
    LIST_READS,
    TAGS,
)

PAGE: Final = "docs/guide/search.md"
example = partial(example_of, PAGE)


def submitted(world: World, *tenants: str) -> None:
    """Let the jobs of the page run, for each tenant."""
    world.task("demo.greet", lambda payload, ctx: None)
    world.task("import.file", lambda payload, ctx: 1 / 0)
    for tenant in tenants:
        client = Client(api_of(world), a_token(tenant))
        for job in json.loads(example("jobs")):
            assert client.send("POST", "/jobs", job).status == 202
    while world.work():
        pass


def test_each_query_finds_as_many_jobs_as_the_page_says() -> None:
    """As it is written there."""
    world = World()
    submitted(world, "acme")
    client = Client(api_of(world), a_token())
    lines = [line.split() for line in example("queries").splitlines()]
    assert len(lines) > 5
    for method, target, count in lines:
        path, _, query = target.partition("?")
        request = Request(method, path, {"Authorization": f"Bearer {client.token}"}, query=query)
        answer = client.event(request.event("http"))
        assert len(answer.json["items"]) == int(count), target


def test_operators_see_the_dead_letters_of_all_tenants() -> None:
    """The page leaves the groups out."""
    world = World()
    submitted(world, "acme", "globex")
    acme = Client(api_of(world), a_token("globex"))
    dead = acme.send("GET", "/jobs", state="dead", tag="run:8").json["items"]
    assert acme.send("DELETE", f"/jobs/{dead[0]['id']}").status == 204
    answer: Any = Client(api_of(world), a_token("ops", "operator")).send("GET", "/dead-letters/by-tenant").json
    for item in answer["items"]:
        assert item.pop("groups")
    assert answer == json.loads(example("answer"))


def test_the_page_has_every_parameter_and_the_bounds() -> None:
    """A new one needs its line."""
    text = text_of(PAGE)
    described = re.findall(r"^\| (`[^|]*) \|", text, re.MULTILINE)
    named = {name.split("=")[0] for line in described for name in re.findall(r"`([\w=:]+)`", line)}
    document = json.loads(text_of("api/openapi.json"))
    parameters = {parameter["name"] for parameter in document["paths"]["/jobs"]["get"]["parameters"]}
    assert parameters - {"limit", "cursor"} <= named
    whole = re.sub(r"\s+", " ", text)
    assert f"at most {LIST_READS:,} jobs ({LIST_READS // 2} read units)" in whole
    assert f"over {LIST_ENTRIES:,} entries of an index ({LIST_ENTRIES // 40})" in whole
    counted = DEAD_LETTERS_COUNTED // DEAD_TENANTS_AT_ONCE
    assert f"{DEAD_TENANTS_AT_ONCE} tenants and counts up to {counted} jobs of each" in whole
    assert (TAGS, DEAD_TENANT_GROUPS) == (10, 10), "`ten` on the page"
