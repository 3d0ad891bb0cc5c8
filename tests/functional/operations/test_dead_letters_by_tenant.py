"""Dead letters of all tenants, for operators: every tenant that has some is found, and none takes another's place."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from tests.builders.api import a_token, api_of
from tests.builders.gateway import Client
from tests.builders.world import TENANT, World
from whendue.engine.ports import WriteResult, WriteStatus
from whendue.errors import InvalidCursorError
from whendue.operations.dead_letters import TenantDeadLetters
from whendue.operations.listing import JobFilter
from whendue.quotas import DEAD_LETTERS_COUNTED, DEAD_TENANTS_AT_ONCE, LIST_PARTITIONS
from whendue.submission.request import JobRequest
from whendue.table.index import IndexPage, IndexQuery
from whendue.table.keys import TENANTS_PK, dead_tenant_key, tenant_of
from whendue.table.writes import Write

ALL = JobFilter()
ONCE: Mapping[str, Any] = {"max_attempts": 1}


def bad(world: World, tenant: str, count: int = 1, kind: str = "bad") -> None:
    """Let jobs of a tenant die."""
    world.app.submit.many(tenant, [JobRequest(kind, {}, policy=ONCE) for _ in range(count)])
    while world.work():
        pass


def every(world: World, wanted: JobFilter = ALL) -> list[TenantDeadLetters]:
    """Read all pages."""
    found, cursor = list[TenantDeadLetters](), None
    while True:
        page = world.app.dead_letters.by_tenant(wanted, cursor)
        found += page.tenants
        if (cursor := page.cursor) is None:
            return found


def test_each_tenant_is_listed_once_by_name_over_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where one name is the beginning of another."""
    monkeypatch.setattr("whendue.operations.dead_letters.DEAD_TENANTS_AT_ONCE", 2)
    world = World()
    names = ["a", "a-b", "a.b", "aa", "B", "b", "z"]
    for name in names:
        bad(world, name, 2)
    world.app.submit.many("idle", [JobRequest("ok", {})])
    world.work()
    assert [(found.tenant, found.jobs) for found in every(world)] == [(name, 2) for name in sorted(names)]


def test_a_tenant_with_many_dead_jobs_hides_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each has the same share of what a page counts."""
    monkeypatch.setattr("whendue.operations.dead_letters.DEAD_LETTERS_COUNTED", 5 * DEAD_TENANTS_AT_ONCE)
    world = World()
    bad(world, "large", 30)
    bad(world, "small", 2)
    large, small = every(world)
    assert 0 < large.jobs < 10, "the partitions of a list share it"
    assert large.has_more
    assert (small.jobs, small.has_more) == (2, False)


def test_only_the_largest_groups_are_described(monkeypatch: pytest.MonkeyPatch) -> None:
    """The others are counted."""
    monkeypatch.setattr("whendue.operations.dead_letters.DEAD_TENANT_GROUPS", 1)
    world = World()
    world.task("worse", lambda payload, ctx: dict[str, str]()["missing"])
    bad(world, TENANT, 2)
    bad(world, TENANT, 1, "worse")
    [found] = every(world)
    assert [(group.error_type, group.count) for group in found.groups] == [("RuntimeError", 2)]
    assert (found.jobs, found.other_groups) == (3, 1)


def test_a_tenant_without_dead_jobs_is_left_out() -> None:
    """Whether they run again, or are not of the type that is asked for."""
    world = World()
    bad(world, TENANT)
    bad(world, "other")
    [job] = world.app.listing.page("jobs", "other", JobFilter(state="dead"), 9, None).jobs
    world.app.control.redrive("other", job.id, world.clock.now_ms() + 3_600_000)
    assert [found.tenant for found in every(world)] == [TENANT]
    assert every(world, JobFilter(type="ok")) == []
    assert every(world, JobFilter(queue="high")) == []


def test_a_process_notes_a_tenant_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """And a plain job, or a delivery, none at all."""
    world = World()
    written: list[str] = []
    real = world.table.apply

    def apply(writes: Any) -> Any:
        written.extend(write.name for write in writes)
        return real(writes)

    monkeypatch.setattr(world.table, "apply", apply)
    world.submit()
    world.work()
    assert "note_dead" not in written
    bad(world, TENANT, 3)
    bad(world, TENANT, 2)
    bad(world, "other")
    assert written.count("note_dead") == 2
    world.app = world.build()
    bad(world, TENANT)
    assert written.count("note_dead") == 3, "another process does not know"
    assert [found.jobs for found in every(world)] == [6, 1]


def test_what_a_process_remembers_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many tenants there are."""
    monkeypatch.setattr("whendue.engine.apply.DEAD_TENANTS_REMEMBERED", 2)
    world = World()
    for number in range(5):
        bad(world, f"t{number}")
        assert len(world.app.runtime.dead_tenants) <= 3
    assert len(every(world)) == 5


class Unanswered:
    """A table of which the note that a tenant has dead jobs gets no answer."""

    def __init__(self, table: Any) -> None:
        self._table = table

    def __getattr__(self, name: str) -> Any:
        return getattr(self._table, name)

    def apply(self, writes: Sequence[Write]) -> list[WriteResult]:
        """Leave the notes undone, and do the others."""
        others = iter(self._table.apply([write for write in writes if write.name != "note_dead"]))
        unknown = WriteResult(WriteStatus.UNAVAILABLE)
        return [unknown if write.name == "note_dead" else next(others) for write in writes]


def test_no_dead_job_is_listed_before_its_tenant_is_noted() -> None:
    """Where the note stays unanswered the job is not dead yet, and another try is."""
    world = World()
    world.app = world.build(store=Unanswered(world.table))
    job = world.submit("bad", policy=ONCE)
    world.work()
    assert world.job(job).state == "running"
    assert world.app.dead_letters.groups(TENANT, ALL, None).jobs == 0
    world.app = world.build()
    world.pass_time(300)
    assert world.job(job).state == "dead"
    assert [found.tenant for found in every(world)] == [TENANT]


def test_a_note_that_cannot_be_of_a_tenant_stops_no_other() -> None:
    """Nothing is dead there."""
    world = World()
    bad(world, TENANT)
    world.table.rows[dead_tenant_key("")] = {"pk": TENANTS_PK, "sk": "dead#"}
    assert [found.tenant for found in every(world)] == [TENANT]
    assert tenant_of(dead_tenant_key("acme").sk) == "acme"


@pytest.mark.parametrize("value", [7, None, {"0": None}, ["acme"]])
def test_a_cursor_of_another_version_is_refused(value: object) -> None:
    """It was sealed by us, and means something else."""
    world = World()
    cursor = world.app.runtime.cursors.seal(value, ("dead-letters-by-tenant", None, None))
    with pytest.raises(InvalidCursorError):
        world.app.dead_letters.by_tenant(ALL, cursor)


def test_only_an_operator_sees_them() -> None:
    """With a stable code, and without any payload."""
    world = World()
    api = api_of(world)
    secret = {"password": "hunter2"}
    for tenant in (TENANT, "other"):
        body = {"type": "bad", "payload": secret, "maxAttempts": 1}
        assert Client(api, a_token(tenant)).send("POST", "/jobs", body).status == 202
    world.work()
    refused = Client(api, a_token(scopes="jobs:read jobs:write admin")).send("GET", "/dead-letters/by-tenant")
    assert (refused.status, refused.code) == (403, "forbidden")
    answer = Client(api, a_token("nobody", "operator")).send("GET", "/dead-letters/by-tenant")
    assert [(item["tenant"], item["jobs"], item["hasMore"]) for item in answer.json["items"]] == [
        (TENANT, 1, False),
        ("other", 1, False),
    ]
    [group] = answer.json["items"][0]["groups"]
    assert (group["error"]["type"], group["count"], len(group["sample"])) == ("RuntimeError", 1, 1)
    assert "hunter2" not in answer.text


def test_a_page_looks_at_a_bounded_number_of_entries(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many dead jobs the tenants of a page have."""
    monkeypatch.setattr("whendue.operations.dead_letters.DEAD_LETTERS_COUNTED", 24)
    monkeypatch.setattr("whendue.operations.dead_letters.DEAD_TENANTS_AT_ONCE", 3)
    world = World()
    for tenant in ("a", "b", "c", "d"):
        bad(world, tenant, 20)
    looked_at = list[int]()
    real = world.table.query_newest

    def counted(queries: Sequence[IndexQuery]) -> list[IndexPage]:
        found = real(queries)
        looked_at.extend(page.looked_at for page in found)
        return found

    monkeypatch.setattr(world.table, "query_newest", counted)
    page = world.app.dead_letters.by_tenant(ALL, None)
    assert [found.tenant for found in page.tenants] == ["a", "b", "c"]
    assert all(found.has_more for found in page.tenants)
    # Up to one more in each of a tenant's partitions but the last.
    assert sum(looked_at) <= 24 + 3 * (LIST_PARTITIONS - 1)
    assert DEAD_LETTERS_COUNTED % DEAD_TENANTS_AT_ONCE == 0


def test_an_error_is_looked_for_in_all_tenants() -> None:
    """By its fingerprint; a tenant whose jobs died of others is left out, and a cursor is of one fingerprint."""
    world = World()

    def other(payload: Any, ctx: Any) -> None:
        raise KeyError("other")

    world.task("other", other)
    bad(world, "a", 2)
    bad(world, "a", 1, "other")
    bad(world, "b", 1, "other")
    bad(world, "c", 3)
    [group] = every(world)[-1].groups
    found = every(world, JobFilter(fingerprint=group.fingerprint))
    assert [(tenant.tenant, tenant.jobs, len(tenant.groups)) for tenant in found] == [("a", 2, 1), ("c", 3, 1)]
    operator = Client(api_of(world), a_token(scopes="operator"))
    answer = operator.send("GET", "/dead-letters/by-tenant", fingerprint=group.fingerprint)
    assert [item["tenant"] for item in answer.json["items"]] == ["a", "c"]


def test_an_error_is_looked_for_in_as_many_entries_as_all_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tenant with many other dead jobs costs no more; it says that older ones may match."""
    monkeypatch.setattr("whendue.operations.dead_letters.DEAD_LETTERS_COUNTED", 5 * DEAD_TENANTS_AT_ONCE)
    world = World()
    bad(world, "a", 30)
    [found] = every(world)
    page = world.app.dead_letters.by_tenant(JobFilter(fingerprint=found.groups[0].fingerprint), None)
    assert page.tenants[0].has_more
