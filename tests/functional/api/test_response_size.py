"""No answer is larger than what Lambda takes: the worst case of every route, measured as the runtime may write it."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from functions.api.app import PUBLIC, make_resolver, routes_of
from functions.api.dashboard import files
from functions.api.http import response
from functions.api.http.response import is_too_large, json_text
from tests.builders.api import a_token, api_of
from tests.builders.gateway import Answer, Client
from tests.builders.schedules import DEFINITION
from tests.builders.world import IDS, TENANT, World
from whendue import aws_quotas, schedule_quotas
from whendue import quotas as limits
from whendue.bulk.model import Action, FailedJob, Operation, create
from whendue.bulk.quotas import OPERATION_FAILURES
from whendue.bulk.selection import text_of
from whendue.jobs.model import Failure, Job, State, as_value, evolve, to_item
from whendue.notifications.subscription import Subscription, Terms, subscribe
from whendue.operations.listing import JobFilter
from whendue.schedules.backfills.model import Backfill, BackfillState
from whendue.schedules.backfills.model import create as create_backfill
from whendue.table.keys import attempt_key
from whendue.table.writes import Write, insert

# Letters of two bytes are six when they are escaped: nothing grows more.
WIDE = "я"


def wide(size: int) -> str:
    """Fill so many bytes with what grows most."""
    return WIDE * (size // 2)


def size_of(answer: Answer) -> int:
    """Count what Lambda would send at worst; a status that says that it was served."""
    assert answer.status < 400, answer.text[:500]
    reply = {"statusCode": answer.status, "headers": dict(answer.headers), "body": answer.text}
    return len(json.dumps(reply))


def insist(answer: Answer, at_least: int = 0) -> None:
    """Insist that an answer fits, and that it is as large as the case was meant to be."""
    assert at_least < size_of(answer) < limits.RESPONSE_BYTES


ERROR = Failure(
    wide(aws_quotas.ERROR_TYPE_BYTES), wide(aws_quotas.ERROR_MESSAGE_BYTES),
    wide(aws_quotas.ERROR_MESSAGE_BYTES), "f" * 16, 50, 50,
    1_800_000_000_000, 1_800_000_000_000, "\n".join([wide(126)] * 4), "\n".join(["\t".join([wide(84)] * 3)] * 2),
)  # fmt: skip
TAGS = {f"{number}{wide(23)}": wide(20) for number in range(5)}
NAME = "n" * limits.NAME_BYTES


def worst(job: Job, number: int = 0, **changes: Any) -> Job:
    """Fill every text of a job."""
    return evolve(
        job,
        last=replace(ERROR, fingerprint=f"{number:016d}"),
        tags=TAGS,
        progress=json.dumps(wide(aws_quotas.PROGRESS_BYTES - 2), ensure_ascii=False),
        result=json.dumps(wide(aws_quotas.RESULT_INLINE_BYTES - 2), ensure_ascii=False),
        notify=" ".join(["n" * 31] * 5),
        group="g" * limits.GROUP_BYTES,
        schedule=NAME,
        node=NAME,
        traceparent="0" * 55,
        **changes,
    )


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def client(world: World) -> Client:
    return Client(api_of(world), a_token())


def store(world: World, jobs: list[Job]) -> None:
    world.table.apply([Write("worst", job.key, (), to_item(job)) for job in jobs])


def test_payload_and_result_of_the_largest_are_fetched_apart(world: World, client: Client) -> None:
    """Both 1 MiB of letters of two bytes: as one answer they are over what Lambda sends."""
    text = {"a": wide(limits.PAYLOAD_BYTES - 8)}
    big = json.dumps(text, ensure_ascii=False, separators=(",", ":"))
    world.task("big", lambda payload, ctx: payload.model_dump())
    job = client.submit("big", payload=text)
    world.work()
    shown = client.send("GET", f"/jobs/{job['id']}")
    insist(shown)
    assert shown.json["state"] == "succeeded"
    for name in ("payload", "result"):
        assert shown.json[name] is None
        assert shown.json[f"{name}Bytes"] == len(big.encode())
        alone = client.send("GET", shown.json[f"{name}Url"])
        insist(alone, 3_000_000)
        assert alone.json == text
        assert alone.headers["content-type"] == "application/json"
    old = json.dumps({"payload": text, "result": text})
    assert len(json.dumps({"statusCode": 200, "headers": {}, "body": old})) > limits.RESPONSE_BYTES


def test_what_is_just_shown_with_its_job_fits_with_all_attempts(world: World, client: Client) -> None:
    """At the bound both are inline; redrives have added attempts without end."""
    text = {"a": wide(limits.DOCUMENT_SHOWN_BYTES - 8)}
    world.task("big", lambda payload, ctx: payload.model_dump())
    job = client.submit("big", payload=text, maxAttempts=50)
    world.work()
    stored = world.job(world.app.query.get(TENANT, job["id"]).job)
    store(world, [evolve(stored, last=replace(ERROR, generation=999), tags=TAGS)])
    attempts = [as_value(replace(ERROR, generation=n)) for n in range(1, 400)]
    world.table.apply(
        [insert("attempt", attempt_key(job["id"], attempt["generation"]), attempt) for attempt in attempts]
    )
    shown = client.send("GET", f"/jobs/{job['id']}")
    insist(shown, 3_000_000)
    assert shown.json["payload"] == shown.json["result"] == text
    assert shown.json["payloadUrl"] is None
    assert len(shown.json["attempts"]) == limits.ATTEMPTS_SHOWN + 1, "and the one that succeeded"
    insist(client.send("GET", f"/jobs/{job['id']}/attempts", limit=limits.ATTEMPTS_SHOWN), 100_000)


@pytest.mark.thorough
def test_a_page_of_the_largest_logs(world: World, client: Client) -> None:
    """As many as a page has, each as large as one is kept."""

    def run(payload: Any, ctx: Any) -> None:
        for _ in range(10_000):
            ctx.log.info(wide(40))
        raise RuntimeError

    world.task("t", run)
    job = client.submit("t", maxAttempts=50)
    for _ in range(limits.LOGS_SHOWN + 1):
        world.work()
        world.pass_time(3600, step_s=600)
    page = client.send("GET", f"/jobs/{job['id']}/logs")
    insist(page, 500_000)
    assert len(page.json["items"]) == limits.LOGS_SHOWN
    assert page.json["cursor"] is not None


def test_a_page_of_the_largest_events(world: World, client: Client) -> None:
    """As many as a page has; every second one has an error of the widest text."""

    def run(payload: Any, ctx: Any) -> None:
        raise RuntimeError(wide(1000))

    world.task("t", run)
    job = client.submit("t", maxAttempts=50, backoff={"baseSeconds": 1, "factor": 1, "jitter": "none"})
    for _ in range(3):
        world.pass_time(60)
        client.send("POST", f"/jobs/{job['id']}/redrive")
    page = client.send("GET", f"/jobs/{job['id']}/events", limit=limits.PAGE_MAX)
    insist(page, 100_000)
    assert len(page.json["items"]) == limits.PAGE_MAX
    assert page.json["cursor"] is not None


def test_documents_that_are_not_there_are_404(client: Client, client_of: Callable[..., Client]) -> None:
    """While a job runs it has no result; another tenant's has nothing."""
    job = client.submit(delaySeconds=60)
    answer = client.send("GET", f"/jobs/{job['id']}/result")
    assert (answer.status, answer.code) == (404, "document_not_found")
    for name in ("payload", "result"):
        assert client_of("other").send("GET", f"/jobs/{job['id']}/{name}").code == "job_not_found"


@pytest.mark.parametrize("payload", ["text", [1], None, 0, {"a": "b\n"}, 1.5])
def test_a_payload_apart_is_what_was_sent(world: World, client: Client, payload: Any) -> None:
    """Whatever JSON it is; a text stays a JSON text."""
    from pydantic import RootModel

    from whendue.declarations.registry import task

    class Root(RootModel[Any]):
        root: Any

    def run(payload: Root) -> Any:
        return payload.root

    task("root", registry=world.registry)(run)
    job = client.submit("root", payload=payload)
    world.work()
    assert client.send("GET", f"/jobs/{job['id']}/payload").json == payload
    assert client.send("GET", f"/jobs/{job['id']}/result").json == payload


def test_a_page_of_the_largest_jobs(world: World, client: Client) -> None:
    """Two hundred, live and dead; and their groups, a thousand of them."""
    body = {"jobs": [{"type": "ok", "delaySeconds": 3600, "tags": TAGS, "profile": "default"}] * 500}
    for _ in range(2):
        insist(client.send("POST", "/jobs/batch", body), 300_000)
    live = [job for page in range(1) for job in world.app.listing.page("jobs", TENANT, _every(), 200, None).jobs]
    store(world, [worst(job, n) for n, job in enumerate(live)])
    insist(client.send("GET", "/jobs", limit=200), 700_000)


def _every() -> Any:
    from whendue.operations.listing import JobFilter

    return JobFilter()


@pytest.mark.thorough
def test_a_thousand_groups_of_dead_letters(world: World, client: Client) -> None:
    """Each with an error of its own; the largest 200 are shown."""
    for _ in range(2):
        client.send("POST", "/jobs/batch", {"jobs": [{"type": "bad", "maxAttempts": 1, "tags": {}}] * 500})
    world.work()
    dead = [job for job in (from_any(item) for item in world.table.rows.values()) if job and job.state is State.DEAD]
    assert len(dead) == 1000
    store(world, [worst(job, n, fingerprint=f"{n:016d}") for n, job in enumerate(dead)])
    answer = client.send("GET", "/dead-letters")
    insist(answer, 400_000)
    assert (answer.json["jobs"], len(answer.json["items"]), answer.json["otherGroups"]) == (1000, 200, 800)
    insist(client.send("POST", "/dead-letters/redrive", {"limit": 500}), 20_000)


def test_the_largest_page_of_operations(world: World, client: Client) -> None:
    """200 of them, each with the longest filter and subject, and as many failures as a list shows."""
    tags = {f"{number}{'ü' * 15}": "ü" * 10 for number in range(4)}
    wanted = JobFilter(
        type="ü" * 32, queue="critical", fingerprint="ü" * 32, tags=tuple(tags.items()), schedule="ü" * 32
    )
    failures = tuple(FailedJob(f"{number:036}", "state_conflict", "ü" * 100) for number in range(OPERATION_FAILURES))
    for number in range(200):
        operation = Operation(
            tenant=TENANT,
            id=f"{number:036}",
            action=Action.REPRIORITISE,
            created_at=world.clock.now_ms(),
            by="ü" * 127,
            wanted=text_of(wanted),
            failures=failures,
            cancelled_by="ü" * 127,
        )
        world.table.apply([create(operation, 1)])
    answer = client.send("GET", "/operations", limit=200)
    insist(answer, 400_000)
    assert len(answer.json["items"]) == 200
    assert len(client.send("GET", f"/operations/{0:036}").json["failures"]) == OPERATION_FAILURES


def from_any(item: Mapping[str, Any]) -> Job | None:
    from whendue.jobs.model import from_item

    return from_item(item) if item["sk"] == "job" else None


def test_a_batch_that_is_wrong_in_every_way(client: Client) -> None:
    """Names of fields are the sender's: five megabytes of them are not sent back."""
    each = {f"{number}{wide(9_000 // 10)}": 1 for number in range(10)}
    answer = client.send("POST", "/jobs/batch", json.dumps({"jobs": [each] * 500}, ensure_ascii=False))
    insist(answer, 300_000)
    assert {item["status"] for item in answer.json["items"]} == {422}
    answer = client.send("POST", "/jobs", json.dumps({wide(3_000_000): 1, "b": 1}, ensure_ascii=False))
    assert answer.status == 422
    assert len(json.dumps(answer.text)) < 100_000


@pytest.mark.thorough
def test_the_largest_workflow(world: World, client: Client) -> None:
    """A thousand nodes, ten thousand edges, each node with an error."""
    names = [f"{number:03d}{'n' * 61}" for number in range(1000)]
    nodes = {
        name: {
            "type": "ok",
            "dependsOn": names[max(0, number - 10) : number] if number < 990 else names[number - 20 : number - 10],
        }
        for number, name in enumerate(names)
    }
    for number in range(250, 1000, 250):
        nodes[names[number]] = {"type": "ok"}
        for later in range(number + 1, number + 10):
            nodes[names[later]] = {"type": "ok", "dependsOn": names[number:later]}
    answer = client.send("POST", "/workflows", {"nodes": nodes})
    assert answer.status == 202, answer.text
    world.app.work.handle(world.queues.receive("normal"), world.clock.now_ms() + 60_000)
    whole = answer.json["id"]
    items = world.table.get([_key(IDS.of_member(whole, number)) for number in range(1000)])
    jobs = [job for job in (from_any(item) for item in items if item) if job]
    assert len(jobs) == 1000
    store(world, [evolve(job, last=ERROR, started_at=job.created_at, finished_at=job.created_at) for job in jobs])
    insist(client.send("GET", f"/workflows/{whole}"), 4_000_000)


def _key(job_id: str) -> Any:
    from whendue.table.keys import job_key

    return job_key(job_id)


def test_a_workflow_that_could_not_be_shown_is_refused(client: Client) -> None:
    """4 MiB of letters of two bytes are 12 as an answer; 4 MiB of ASCII fit."""

    def workflow(text: str) -> dict[str, Any]:
        return {"nodes": {f"n{n}": {"type": "ok", "payload": {"a": text}} for n in range(5)}}

    refused = client.send("POST", "/workflows", json.dumps(workflow(wide(800_000)), ensure_ascii=False))
    assert (refused.status, refused.code) == (413, "payload_too_large")
    taken = client.send("POST", "/workflows", workflow("a" * 800_000))
    assert taken.status == 202
    insist(client.send("GET", f"/jobs/{taken.json['id']}/payload"), 4_000_000)
    insist(client.send("GET", f"/jobs/{taken.json['id']}"))


def test_a_page_of_the_largest_schedules(world: World, client: Client) -> None:
    """Two hundred of them, with the most that one may say."""
    body = {"cron": "0 0 1 1 *", "job": {"type": "ok", "payload": {"a": wide(2_000)}, "tags": TAGS}}
    for number in range(200):
        answer = client.send("PUT", f"/schedules/{number:03d}{'s' * 61}", json.dumps(body, ensure_ascii=False))
        assert answer.status == 201, answer.text
    insist(client.send("GET", "/schedules", limit=200), 1_400_000)


def test_a_page_of_the_largest_backfills(world: World, client: Client) -> None:
    """Each failed, for the longest reason."""
    client.send("PUT", f"/schedules/{NAME}", {"cron": "0 0 1 1 *", "job": {"type": "ok"}})
    now_ms = world.clock.now_ms()
    failed = Backfill(
        TENANT, NAME, "id", DEFINITION, now_ms, 0, now_ms, schedule_quotas.BACKFILL_FIRES, True, now_ms, now_ms,
        state=BackfillState.FAILED, error=wide(limits.REASON_BYTES),
    )  # fmt: skip
    writes = [create_backfill(replace(failed, id=IDS.of_key(TENANT, str(number))), 4) for number in range(200)]
    assert all(result.done for result in world.table.apply(writes))
    insist(client.send("GET", f"/schedules/{NAME}/backfills", limit=200), 100_000)


def test_all_subscriptions_profiles_and_deliveries(world: World, client: Client) -> None:
    """As many as a tenant may have, as large as they may be."""
    config = json.dumps({"a": wide(limits.SUBSCRIPTION_CONFIG_BYTES - 10)}, ensure_ascii=False)
    names = tuple(f"{n:02d}{'x' * 62}" for n in range(limits.SUBSCRIPTION_FILTERS))
    terms = Terms("webhook", config, ("dead",), "all", names, (), names)
    world.table.apply(
        [
            subscribe(
                Subscription(TENANT, f"{n:03d}{'s' * 61}", terms, "m", 1, 1, "m", "k", None, None, 1, 1, wide(256))
            )
            for n in range(limits.SUBSCRIPTIONS_PER_TENANT)
        ]
    )
    insist(client.send("GET", "/subscriptions"), 1_200_000)
    for n in range(limits.PROFILE_NAMES):
        client.send("PUT", f"/profiles/{n:03d}{'p' * 61}", {"neverRetry": ["e" * 31] * 1, "retries": 1})
    insist(client.send("GET", "/profiles"), 50_000)


def test_a_page_of_deliveries_that_failed_often(world: World, client: Client) -> None:
    """As many as a page has, each with all the attempts that it shows."""
    terms = Terms("webhook", "{}", ("dead",), "all", (), (), ())
    world.table.apply([subscribe(Subscription(TENANT, "s", terms, "m", 1, 1, "m", "k"))])
    for _ in range(limits.DELIVERIES_PER_PAGE):
        assert client.send("POST", "/subscriptions/s/test").status == 202
    deliveries = [view.job for view in world.app.deliveries.page(TENANT, "s", None, 50, None).deliveries]
    shown = range(1, limits.DELIVERY_ATTEMPTS_SHOWN + 1)
    store(world, [evolve(worst(job), last=replace(ERROR, generation=len(shown))) for job in deliveries])
    for job in deliveries:
        failures = [as_value(replace(ERROR, generation=number)) for number in shown]
        world.table.apply(
            [insert("attempt", attempt_key(job.id, failure["generation"]), failure) for failure in failures]
        )
    page = client.send("GET", "/subscriptions/s/deliveries")
    insist(page, 1_000_000)
    attempts = [attempt for item in page.json["items"] for attempt in item["attempts"]]
    assert len(attempts) == limits.DELIVERIES_PER_PAGE * limits.DELIVERY_ATTEMPTS_SHOWN
    assert all(attempt["error"]["stack"] == attempt["error"]["causes"] == [] for attempt in attempts)


@pytest.mark.parametrize("path", sorted(PUBLIC - {"/assets/<name>", "/dashboard/sign-in"}))
def test_pages_and_the_document_itself(client: Client, path: str) -> None:
    """Swagger UI is more than a megabyte of quotation marks."""
    insist(client.send("GET", path))


@pytest.mark.parametrize("path", sorted(files.ASSETS.glob("*[!r]")), ids=lambda path: path.name)
def test_files_of_the_dashboard(client: Client, path: Path) -> None:
    """As text, which is escaped."""
    insist(client.send("GET", f"/assets/{path.name}"))


def test_the_last_bulkhead_answers_with_a_problem(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lambda would fail the call, and API Gateway say 500 without a word."""
    client.submit(payload={"a": "b" * 10_000})
    monkeypatch.setattr(response, "RESPONSE_BYTES", 2_000)
    answer = client.send("GET", "/openapi.json")
    assert (answer.status, answer.code) == (500, "response_too_large")
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("text", ["a", '"', "\\\\", "\n", "é", "日", "😀", "\u0001"])
def test_a_reply_is_measured_as_it_is_escaped(text: str) -> None:
    """To the byte, on both sides of the bound."""
    empty = {"statusCode": 200, "headers": {"a": "b"}, "body": ""}
    room = limits.RESPONSE_BYTES - 1 - len(json.dumps(empty))
    count = room // (len(json.dumps(text)) - 2)
    fits, over = (empty | {"body": text * number} for number in (count, count + 1))
    assert not is_too_large(fits)
    assert is_too_large(over)


@pytest.mark.parametrize("value", [{"a": "é\ud800"}, ["\udc00"], "ü", 1, None, {"ü": [1.5, True]}])
def test_json_is_short_and_can_always_be_sent(value: Any) -> None:
    """Half a pair could not be encoded: it stays escaped."""
    text = json_text(value)
    assert json.loads(text) == value
    assert text.encode()
    assert ": " not in text


def test_every_route_has_been_thought_of() -> None:
    """A new one with a list or a document needs its worst case here."""
    # 100 tenants and 100 types at most are named in a usage, each by 64 characters and ten numbers.
    small = {"/jobs/<job_id>/explain", "/queues", "/pauses", "/health", "/schedules/<name>/preview", "/usage"}
    # 20 tenants with 10 groups each: as many groups as a page of `/dead-letters`.
    small |= {"/dead-letters/by-tenant"}
    paths = {route.path for route in routes_of(make_resolver()) if route.method == "GET"}
    measured = {
        "/jobs", "/jobs/<job_id>", "/jobs/<job_id>/payload", "/jobs/<job_id>/result", "/dead-letters", "/schedules",
        "/jobs/<job_id>/attempts", "/jobs/<job_id>/logs", "/subscriptions", "/profiles", "/workflows/<workflow_id>",
        "/subscriptions/<name>/deliveries", "/tasks", "/jobs/<job_id>/events", "/schedules/<name>/backfills",
        "/operations",
    }  # fmt: skip
    single = {
        "/schedules/<name>", "/subscriptions/<name>", "/profiles/<name>", "/profiles/<name>/versions/<version>",
        "/schedules/<name>/backfills/<backfill_id>", "/schedules/<name>/fires", "/workflows", "/actuator/prometheus",
        "/tasks/<name>", "/operations/<operation_id>", "/schedules/<name>/backfills",
    }  # fmt: skip
    assert paths == small | measured | single | PUBLIC - {"/dashboard/sign-in"}
