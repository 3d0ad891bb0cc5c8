"""The timer on a real table and real queues, with its clock moved by hand."""

import json
import time
from typing import Any

import pytest

from tests.builders.waiting import eventually
from tests.e2e.stage import Stage
from whendue.submission.request import JobRequest

DAY_S = 86_400


class Clock:
    """A clock ahead of the real one by so many seconds."""

    def __init__(self) -> None:
        self.ahead_s = 0.0

    def __call__(self) -> float:
        return self.ahead_s


@pytest.fixture
def sent(timeless: Stage) -> list[int]:
    """Note the DelaySeconds of every message that the services here send."""
    delays: list[int] = []

    def note(params: dict[str, Any], **_: Any) -> None:
        delays.extend(entry["DelaySeconds"] for entry in params["Entries"])

    timeless.clients.sqs.meta.events.register("provide-client-params.sqs.SendMessageBatch", note)
    return delays


def tick(stage: Stage, clock: Clock) -> Any:
    app = stage.app(clock)
    return app.tick.run(app.clock.now_ms() + 60_000)


def test_jobs_minutes_and_days_ahead_are_promoted_at_their_check_with_the_right_delay(
    timeless: Stage, sent: list[int]
) -> None:
    """Not before two minutes ahead, then with the delay that is left; SQS would take 15 minutes at most."""
    clock = Clock()
    with timeless.http() as http, timeless.no_workers("high"):
        delays_s = (600, 3 * DAY_S)
        submitted_s = time.time()
        jobs = [http.submit(priority="high", delaySeconds=delay_s) for delay_s in delays_s]
        assert tick(timeless, clock).promoted == 0
        for number, (job, delay_s) in enumerate(zip(jobs, delays_s, strict=True), 1):
            clock.ahead_s = delay_s - 130
            assert tick(timeless, clock).promoted == 0
            clock.ahead_s = delay_s - 60
            assert tick(timeless, clock).promoted == 1
            assert tick(timeless, clock).promoted == 0
            assert len(sent) == number
            # The clock goes on while the requests are made.
            assert 60 - (time.time() - submitted_s) - 1 <= sent[-1] <= 60
            assert timeless.counts("high")[1] == number
            assert http.client.post(f"/jobs/{job['id']}/cancel").json()["state"] == "cancelled"


def test_a_message_deleted_from_its_queue_heals_by_the_timer(timeless: Stage) -> None:
    """G6: whatever swallowed the message, the job's own next check brings another one."""
    clock = Clock()
    sqs, url = timeless.clients.sqs, timeless.stack.queues["low"]
    with timeless.http() as http:
        with timeless.no_workers("low"):
            job = http.submit(priority="low")

            def swallowed() -> bool:
                messages = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1).get("Messages", [])
                for message in messages:
                    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                return bool(messages)

            eventually(swallowed)
        tick(timeless, clock)
        assert http.job(job)["state"] == "queued"
        reasons = http.client.get(f"/jobs/{job['id']}/explain").json()["reasons"]
        assert [reason["code"] for reason in reasons] == ["queued"]
        clock.ahead_s = 185
        assert tick(timeless, clock).rescued["send"] == 1
        [after] = http.ended([job])
        assert (after["state"], after["attempt"]) == ("succeeded", 1)


def test_the_timer_function_promotes_ten_thousand_due_jobs_or_says_how_far_it_got(timeless: Stage) -> None:
    """One invocation of the real function, those that it starts and the next one go on; each job gets one message."""
    clock = Clock()
    clock.ahead_s = -3600
    app = timeless.app(clock)
    with timeless.no_workers("normal"):
        for start in range(0, 10_000, 500):
            requests = [JobRequest("demo.greet", {"name": str(start + n)}, delay_s=3600) for n in range(500)]
            app.submit.many("timer", requests)
        answers: list[Any] = []

        def all_promoted() -> bool:
            answers.append(timeless.clients.functions.invoke(FunctionName=timeless.stack.functions["timer"]))
            text = answers[-1]["Payload"].read()
            assert "FunctionError" not in answers[-1], text
            answers[-1] = json.loads(text)
            return not answers[-1]["behind"]

        eventually(all_promoted)
        # Further ticks that it has started may still be at their parts.
        eventually(lambda: sum(timeless.counts("normal")) >= 10_000)
        assert sum(timeless.counts("normal")) == 10_000
        timeless.clients.sqs.purge_queue(QueueUrl=timeless.stack.queues["normal"])


def test_what_the_runbook_asks_first_is_answered_here_as_well(timeless: Stage) -> None:
    """docs/operations/runbooks/timer-silent.md, on a stack of `make up`: state, reservation and rule of the timer."""
    name = timeless.stack.functions["timer"]
    found = timeless.clients.functions.get_function(FunctionName=name)
    assert found["Configuration"]["State"] == "Active"
    assert found.get("Concurrency", {}).get("ReservedConcurrentExecutions") != 0
    rule = timeless.clients.events.describe_rule(Name=name.removesuffix("timer") + "tick")
    assert rule["State"] in ("ENABLED", "DISABLED")
