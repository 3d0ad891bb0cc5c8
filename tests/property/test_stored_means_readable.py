"""What is accepted can be read, listed, explained, run, read again, redriven, cancelled and deleted, whatever it is.

Through the real API in both of its event shapes, on both stores: in memory, in memory behind the other one's coding and
AWS's own rules, and a few on moto's table. Few examples, always the same ones, unless WHENDUE_EXAMPLES says how many
times as many.
"""

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.builders.backends import Aws, opened
from tests.builders.gateway import Answer, Shape
from tests.property.stored import requests
from tests.property.stored.rules import RulesOfAws, WireStore
from tests.property.stored.stage import DAY_S, Stage, Tables
from whendue.adapters.memory import MemoryStore

FACTOR = int(os.environ.get("WHENDUE_EXAMPLES", "0"))
STATES = {"scheduled", "queued", "waiting", "running", "succeeded", "dead", "cancelled", "expired"}
NAMED = "odd.Name_1"
shapes: st.SearchStrategy[Shape] = st.sampled_from(["http", "rest"])


def some(count: int) -> settings:
    """Return so many examples, or many times as many."""
    return settings(
        max_examples=count * (FACTOR or 1),
        derandomize=not FACTOR,
        deadline=None,
        # Making a failing example small takes minutes: only on demand.
        phases=[*Phase] if FACTOR else [Phase.explicit, Phase.generate],
        suppress_health_check=[*HealthCheck],
    )


@pytest.fixture(scope="module", params=["memory", "wire", pytest.param("moto", marks=pytest.mark.thorough)])
def backend(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, int, int]]:
    """Open a kind of table; an emulator's answers take so long that it gets few examples."""
    if request.param == "moto":
        with opened("moto", tmp_path_factory.mktemp("moto")) as emulated:
            assert isinstance(emulated, Aws)
            yield lambda: emulated.store_on(RulesOfAws(emulated.clients.dynamodb)), 1 + FACTOR, 2
    else:
        yield {"memory": MemoryStore, "wire": WireStore}[request.param], 10**9, 10**9


@pytest.fixture
def tables(backend: tuple[Any, int, int]) -> Tables:
    """Make tables for the examples of one test."""
    return Tables(*backend)


def behave(outcome: Any) -> Callable[[], Any]:
    """Return a task's body that returns a value, or raises it."""

    def run() -> Any:
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    return run


def accepted(answer: Answer) -> bool:
    """Tell an acceptance from a clear refusal; there is nothing else."""
    if answer.status < 300:
        return True
    assert 400 <= answer.status < 500
    assert answer.code
    assert answer.json["detail"]
    return False


def shows(shown: Any, sent: Any) -> None:
    """Insist that what is shown holds what was sent."""
    for name in ("payload", "tags", "group", "priority", "profile"):
        if name in sent and sent[name] is not None:
            assert shown[name] == sent[name], name


@some(20)
@given(request=requests.jobs, key=requests.keys, outcome=requests.results | requests.errors, shape=shapes)
def test_a_job_that_is_accepted_is_readable_for_good(
    tables: Tables, request: dict[str, Any], key: str | None, outcome: Any, shape: Shape
) -> None:
    """From submit to its end, redriven, and cancelled."""
    if not tables.more():
        return
    stage = Stage(tables, shape, behave(outcome))
    answer = stage.send("POST", "/jobs", request, key)
    if not accepted(answer):
        return
    job_id = answer.json["id"]
    shows(stage.look_at(job_id), request)
    if key is not None:
        again = stage.send("POST", "/jobs", request, key)
        assert (again.status, again.json["id"]) == (200, job_id)
    shows(ended := stage.settle(job_id), request)
    assert ended["state"] in STATES
    if request["type"] == "give":
        assert stage.runs
    stage.read("/dead-letters")
    for verb in ("redrive", "cancel", "redrive"):
        answer = stage.send("POST", f"/jobs/{job_id}/{verb}")
        assert answer.status in (200, 409)
        shows(stage.look_at(job_id), request)
    stage.settle(job_id)
    accepted(stage.send("POST", "/dead-letters/redrive", {}))
    stage.look_at(job_id)


@some(8)
@given(wanted=st.lists(requests.jobs | requests.values, min_size=1, max_size=5), shape=shapes)
def test_a_batch_is_stored_item_by_item(tables: Tables, wanted: list[Any], shape: Shape) -> None:
    """A neighbour that is refused changes nothing."""
    if not tables.more():
        return
    stage = Stage(tables, shape)
    answer = stage.send("POST", "/jobs/batch", {"jobs": wanted})
    if not accepted(answer):
        return
    assert len(answer.json["items"]) == len(wanted)
    for item, request in zip(answer.json["items"], wanted, strict=True):
        assert item["status"] in (202, 200, 413, 422, 400)
        if item.get("job"):
            shows(stage.look_at(item["job"]["id"]), request)
            stage.settle(item["job"]["id"], rounds=2)


@st.composite
def workflows(draw: st.DrawFn) -> dict[str, Any]:
    """Draw graphs of a few nodes, that pass results on."""
    count = draw(st.integers(1, 4))
    nodes: dict[str, Any] = {}
    for number in range(count):
        earlier: list[str] = []
        if nodes:
            earlier = draw(st.lists(st.sampled_from(sorted(nodes)), unique=True, max_size=2))
        node = draw(requests.templates()) | {"dependsOn": earlier}
        passed_on, each = draw(st.booleans()), draw(st.booleans())
        if earlier and passed_on:
            node["payload"] = {"given": {"$from": earlier[0]}}
        if earlier and each:
            node["forEach"] = {"$from": earlier[0]}
        nodes[f"n{number}"] = node
    rest = draw(
        requests.objects(tags=requests.tags, deadlineSeconds=st.integers(1, DAY_S), priority=requests.priorities)
    )
    return {"nodes": nodes} | rest


@some(8)
@given(request=workflows(), outcome=requests.results | requests.errors, shape=shapes)
def test_a_workflow_that_is_accepted_is_readable_for_good(
    tables: Tables, request: dict[str, Any], outcome: Any, shape: Shape
) -> None:
    """Its nodes, too, before and after they have run; retried and cancelled."""
    if not tables.more():
        return
    stage = Stage(tables, shape, behave(outcome))
    answer = stage.send("POST", "/workflows", request)
    if not accepted(answer):
        return
    path = f"/workflows/{answer.json['id']}"
    whole = stage.read(path)
    assert {node["name"] for node in whole["nodes"]} == set(request["nodes"])
    for _ in range(4):
        stage.step()
        stage.world.clock.advance(61)
    for verb in (None, "retry", "cancel"):
        assert verb is None or stage.send("POST", f"{path}/{verb}").status in (200, 409)
        stage.step()
        whole = stage.read(path)
        assert answer.json["id"] in [entry["id"] for entry in stage.listed("/workflows")]
        for job in stage.jobs():
            stage.read(f"/jobs/{job['id']}")
            stage.read(f"/jobs/{job['id']}/explain")
    assert whole["state"] in STATES


crons = st.sampled_from(
    ["* * * * *", "*/5 * * * * *", "0 9 * * 5L", "0 0 29 2 *", "0 0 L * *", "@hourly", "0\t9 * * 7-2", "30 2 * * *"]
)
whens = (
    st.builds(lambda text: {"cron": text}, crons | requests.texts)
    | st.builds(
        lambda text: {"every": text}, st.sampled_from(["PT1S", "PT90S", "P1D", "P366D", "P0,5D", "5m"]) | requests.texts
    )
    | st.builds(lambda text: {"at": text}, requests.times)
    | st.builds(lambda texts: {"crons": texts}, st.lists(crons, min_size=1, max_size=3))
)
schedules = st.builds(
    lambda when, target, rest: when | target | rest,
    whens,
    st.fixed_dictionaries({"job": requests.templates()}) | st.fixed_dictionaries({"workflow": workflows()}),
    requests.objects(
        timezone=st.sampled_from(["UTC", "Europe/Berlin", "Australia/Lord_Howe", "europe/berlin", "Pacific/Apia"]),
        start=requests.times,
        end=st.sampled_from(["2030-01-01T00:00:00Z", "2199-12-31T23:59:59.999Z", "2027-01-15T08:00:01Z"]),
        gap=st.sampled_from(["skip", "next"]),
        fold=st.sampled_from(["once", "twice"]),
        exclude=st.lists(
            st.sampled_from(["2027-01-15", "2027-01-16/2027-01-20", "0001-01-01", "9999-12-31"]), max_size=3
        ),
        jitterSeconds=st.integers(0, 3600),
        misfire=requests.objects(
            policy=st.sampled_from(["skip", "fire_once", "catch_up"]),
            limit=st.integers(1, 100),
            graceSeconds=st.integers(10, 3600),
        ),
        overlap=st.sampled_from(["allow", "skip", "buffer_one", "cancel_running"]),
        pauseAfterFailures=st.integers(1, 100),
        maxRuns=st.integers(1, 10_000),
        paused=requests.objects(
            reason=requests.texts, until=st.sampled_from(["2027-01-15T08:01:00Z", "2027-02-01T00:00:00+01:00"])
        ),
    ),
)
ECHOED = (
    *("cron", "crons", "timezone", "gap", "fold", "exclude"),
    *("jitterSeconds", "overlap", "pauseAfterFailures", "maxRuns"),
)


def look_at_schedule(stage: Stage, request: dict[str, Any]) -> Any:
    """Read a schedule by every way that there is."""
    path = f"/schedules/{NAMED}"
    shown = stage.read(path)
    for name in ECHOED:
        assert name not in request or shown[name] == request[name], name
    for name in ("payload", "tags", "type"):
        assert name not in request.get("job", {}) or shown["job"][name] == request["job"][name], name
    assert [item["name"] for item in stage.listed("/schedules")] == [NAMED]
    stage.read(f"{path}/preview", limit=3)
    stage.read(f"{path}/fires", limit=20)
    again = stage.send("PUT", path, shown)
    assert again.status == 200, again.text
    # Nothing of it is changed, not even its version.
    assert again.json == shown
    return shown


@some(12)
@given(request=schedules, reason=requests.texts, outcome=requests.results | requests.errors, shape=shapes)
def test_a_schedule_that_is_accepted_is_readable_for_good(
    tables: Tables, request: dict[str, Any], reason: str, outcome: Any, shape: Shape
) -> None:
    """It fires, is triggered, paused, resumed, backfilled, changed and deleted; what is read can be put again."""
    if not tables.more():
        return
    stage = Stage(tables, shape, behave(outcome))
    path = f"/schedules/{NAMED}"
    if not accepted(stage.send("PUT", path, request)):
        return
    look_at_schedule(stage, request)
    for _ in range(2):
        stage.world.clock.advance(60)
        stage.step()
    look_at_schedule(stage, request)
    assert accepted(stage.send("POST", f"{path}/trigger"))
    stage.step()
    if accepted(stage.send("POST", f"{path}/pause", {"reason": reason})):
        assert look_at_schedule(stage, request)["paused"]["reason"] == reason
    assert accepted(stage.send("POST", f"{path}/resume"))
    since, to = "2027-01-15T07:00:00Z", "2027-01-15T08:00:30Z"
    accepted(stage.send("POST", f"{path}/backfill", {"from": since, "to": to, "limit": 3}))
    stage.step()
    look_at_schedule(stage, request)
    for job in stage.jobs():
        stage.read(f"/jobs/{job['id']}")
        stage.read(f"/jobs/{job['id']}/explain")
    accepted(stage.send("PUT", path, request))
    assert stage.send("DELETE", path).status == 204
    stage.step()
    assert list(stage.listed("/schedules")) == []


profiles = requests.objects(
    **requests.policies,
    priority=requests.priorities,
    follow=st.booleans(),
    limits=requests.objects(concurrency=st.integers(1, 100), ratePerSecond=st.floats(0.001, 500)),
    notify=st.lists(requests.names, max_size=2),
)


@some(10)
@given(request=profiles, job=requests.jobs, shape=shapes)
def test_a_profile_that_is_accepted_is_readable_and_usable(
    tables: Tables, request: dict[str, Any], job: dict[str, Any], shape: Shape
) -> None:
    """With the jobs that run under it."""
    if not tables.more():
        return
    stage = Stage(tables, shape)
    path = f"/profiles/{NAMED}"
    if not accepted(stage.send("PUT", path, request)):
        return
    for shown in (stage.read(path), stage.read(f"{path}/versions/1")):
        for name in ("timeoutSeconds", "leaseSeconds", "retentionSeconds", "priority", "notify"):
            assert name not in request or shown[name] == request[name], name
        for name, value in request.get("backoff", {}).items():
            assert shown["backoff"][name] == value, name
    assert NAMED in [item["name"] for item in stage.listed("/profiles")]
    answer = stage.send("POST", "/jobs", job | {"profile": NAMED})
    if accepted(answer):
        stage.look_at(answer.json["id"])
        stage.settle(answer.json["id"], rounds=2)
    assert stage.send("DELETE", path).status == 204
    if accepted(answer):
        stage.look_at(answer.json["id"])
    assert NAMED not in [item["name"] for item in stage.listed("/profiles")]


subscriptions = st.builds(
    lambda config, events, rest: {"channel": "webhook", "config": config, "events": events} | rest,
    st.builds(
        lambda url, rest: {"url": url} | rest,
        st.sampled_from(["https://hooks.example.com/x", "https://h\u00e9.example", "x"]),
        st.dictionaries(requests.texts, requests.trees, max_size=1) | st.just({}),
    ),
    st.lists(
        st.sampled_from(
            ["succeeded", "dead", "cancelled", "expired", "attempt_failed", "schedule_missed", "queue_paused"]
        ),
        min_size=1,
        unique=True,
    ),
    requests.objects(
        applies=st.sampled_from(["all", "named"]),
        filter=requests.objects(
            types=st.lists(requests.names, max_size=2),
            priorities=st.lists(requests.priorities, max_size=2),
            schedules=st.lists(requests.names, max_size=2),
        ),
    ),
)


@some(8)
@given(request=subscriptions, job=requests.jobs, outcome=requests.results | requests.errors, shape=shapes)
def test_a_subscription_that_is_accepted_is_readable_with_its_deliveries(
    tables: Tables, request: dict[str, Any], job: dict[str, Any], outcome: Any, shape: Shape
) -> None:
    """Of jobs that end however they do."""
    if not tables.more():
        return
    stage = Stage(tables, shape, behave(outcome))
    path = f"/subscriptions/{NAMED}"
    if not accepted(stage.send("PUT", path, request)):
        return
    shown = stage.read(path)
    assert (shown["config"], shown["events"]) == (request["config"], request["events"])
    assert NAMED in [item["name"] for item in stage.listed("/subscriptions")]
    assert accepted(stage.send("POST", f"{path}/test"))
    assert accepted(stage.send("POST", f"{path}/rotate-secret"))
    answer = stage.send("POST", "/jobs", job)
    if accepted(answer):
        stage.settle(answer.json["id"], rounds=2)
    for delivery in stage.listed(f"{path}/deliveries"):
        accepted(stage.send("POST", f"{path}/deliveries/{delivery['id']}/replay"))
    list(stage.listed(f"{path}/deliveries"))
    assert stage.send("DELETE", path).status == 204
    assert list(stage.listed("/subscriptions")) == []


pauses = st.builds(
    lambda reason, rest: {"reason": reason} | rest,
    requests.texts,
    requests.objects(type=requests.names | requests.kinds, expiresAt=requests.times),
)


@some(10)
@given(request=pauses, job=requests.jobs, shape=shapes)
def test_a_pause_that_is_accepted_is_readable_and_ends(
    tables: Tables, request: dict[str, Any], job: dict[str, Any], shape: Shape
) -> None:
    """With the jobs that wait for it."""
    if not tables.more():
        return
    stage = Stage(tables, shape)
    answer = stage.send("POST", "/pauses", request)
    if accepted(answer):
        listed = list(stage.listed("/pauses"))
        assert [item["reason"] for item in listed] in ([request["reason"]], [])
        assert listed or request["expiresAt"] <= "2027-01-15T08:00:01"
    queue = {name: request[name] for name in ("reason", "expiresAt") if name in request}
    accepted(stage.send("POST", "/queues/normal/pause", queue))
    stage.read("/queues")
    submitted = stage.send("POST", "/jobs", job)
    if accepted(submitted):
        stage.look_at(submitted.json["id"])
        stage.settle(submitted.json["id"], rounds=1)
    kind = request.get("type")
    assert stage.send("DELETE", f"/pauses/types/{kind}" if kind else "/pauses/tenant").status == 204
    assert stage.send("POST", "/queues/normal/resume").status == 204
    assert list(stage.listed("/pauses")) == []
    stage.read("/queues")
