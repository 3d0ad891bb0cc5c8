"""The channels `email` and `sns`, against botocore's own models of SES and SNS."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.stub import Stubber

from tests.builders.notified import EVENT, TOPICS, Notified
from whendue.channels.email import facts, one_line
from whendue.declarations.channel import Event
from whendue.declarations.resources import Resources, TaskSettings
from whendue.jobs.model import State

TOPIC = "arn:aws:sns:eu-west-1:123456789012:acme-jobs"


def stubbed(provided: Resources, service: Any) -> Iterator[Stubber]:
    client = boto3.client(
        service, region_name="eu-west-1", aws_access_key_id="x", aws_secret_access_key="x",
        config=Config(retries={"total_max_attempts": 1}),
    )  # fmt: skip
    provided.provide(service, lambda: client)
    with Stubber(client) as stub:
        yield stub


@pytest.fixture
def ses(provided: Resources) -> Iterator[Stubber]:
    """Stand in for SES."""
    yield from stubbed(provided, "sesv2")


@pytest.fixture
def topic(provided: Resources) -> Iterator[Stubber]:
    """Stand in for SNS."""
    yield from stubbed(provided, "sns")


def mail(delivery_id: str, subject: str, **bodies: str) -> dict[str, Any]:
    part = {"Charset": "UTF-8"}
    return {
        "FromEmailAddress": "from@example.com",
        "Destination": {"ToAddresses": ["ops@example.com"], "CcAddresses": [], "BccAddresses": []},
        "ReplyToAddresses": [],
        "Content": {
            "Simple": {
                "Subject": {"Data": subject, **part},
                "Body": {kind: {"Data": text, **part} for kind, text in bodies.items()},
            }
        },
        "EmailTags": [{"Name": "whendue-job", "Value": delivery_id}],
    }


def test_a_mail_is_filled_in_from_the_event(world: Notified, ses: Stubber) -> None:
    """Names of the event, also of what is inside; one that it has not is empty, and $$ is a $."""
    world.subscribe(
        channel="email",
        to=["ops@example.com"],
        subject="$type: $jobId costs $$5",
        text="$tags.team$nothing at $timestamp\n",
        html="<b>${tags.team}</b>",
    )
    data = {"jobId": "0190", "tags": {"team": "<ü>"}, "error": None}
    delivery = world.notify_one(replace(EVENT, data=data))
    expected = mail(
        delivery.id,
        "job.succeeded: 0190 costs $5",
        Text="<ü> at 2027-01-15T08:00:00.000Z\n",
        Html="<b>&lt;ü&gt;</b>",
    )
    ses.add_response("send_email", {"MessageId": "m-1"}, expected)
    world.work()
    ses.assert_no_pending_responses()
    [shown] = world.log()
    assert (shown.job.state, shown.result) == (State.SUCCEEDED, {"messageId": "m-1"})


def test_what_an_event_says_cannot_begin_a_header(world: Notified, ses: Stubber) -> None:
    """An error's message or a tag may hold line breaks: in a subject they are spaces."""
    world.subscribe(channel="email", to=["ops@example.com"], subject="Job $error.message", text="-")
    data = {"error": {"message": "broke\r\nBcc: victim@example.com\u2028x"}}
    delivery = world.notify_one(replace(EVENT, data=data))
    expected = mail(delivery.id, "Job broke  Bcc: victim@example.com x", Text="-")
    ses.add_response("send_email", {"MessageId": "m-1"}, expected)
    world.work()
    ses.assert_no_pending_responses()


def test_a_mail_without_words_of_its_own_says_all_there_is(world: Notified, ses: Stubber) -> None:
    """The default is of use."""
    world.subscribe(channel="email", to=["ops@example.com"])
    delivery = world.notify_one()
    text = "job.succeeded at 2027-01-15T08:00:00.000Z\n\njobId: 0190\ntype: ok\n"
    ses.add_response("send_email", {"MessageId": "m-1"}, mail(delivery.id, "whendue: job.succeeded 0190", Text=text))
    world.work()
    ses.assert_no_pending_responses()


@pytest.mark.parametrize(
    ("code", "state"),
    [("MessageRejected", State.DEAD), ("TooManyRequestsException", State.PENDING), ("Unknown", State.PENDING)],
)
def test_what_ses_refuses_for_good_is_not_tried_again(world: Notified, ses: Stubber, code: str, state: State) -> None:
    """And what it may take later is."""
    world.subscribe(channel="email", to=["ops@example.com"])
    ses.add_client_error("send_email", code)
    assert world.job(world.notify_one()).state is State.PENDING
    world.work()
    [shown] = world.log()
    assert shown.job.state is state
    assert world.health().failing_since is not None


def test_a_recipient_who_is_not_allowed_any_more_gets_nothing(
    world: Notified, ses: Stubber, provided: Resources
) -> None:
    """The operator's list holds at each attempt, not only when the subscription is put."""
    world.subscribe(channel="email", to=["ops@example.com"])
    world.notify()
    provided.provide("settings", lambda: TaskSettings(email_from="from@example.com"))
    world.work()
    [shown] = world.log()
    assert (shown.job.state, shown.job.last and shown.job.last.type) == (State.DEAD, "not_allowed")


def test_a_template_cannot_do_anything(world: Notified) -> None:
    """Names and nothing else: no attribute, no call, no format specification."""
    event = Event(type="t", timestamp="now", data={"a": {"b": 1, "c": [1, {"d": 2}]}, "type": "other"})
    values = facts(event)
    assert (values["a.b"], values["a.c"], values["a"]) == ("1", '[1, {"d": 2}]', '{"b": 1, "c": [1, {"d": 2}]}')
    assert (values["type"], values["__class__"], values["a.__class__"]) == ("t", "", "")
    assert one_line("a\r\n\tb\u2029c") == "a   b c"


def test_an_event_is_published_to_a_topic(world: Notified, topic: Stubber) -> None:
    """With the delivery's id, so that readers of the topic can tell a repetition."""
    world.subscribe(channel="sns", topicArn=TOPIC)
    delivery = world.notify_one()
    expected = {
        "TopicArn": TOPIC,
        "Message": json.dumps(EVENT.payload(), separators=(",", ":")),
        "MessageAttributes": {
            "webhook-id": {"DataType": "String", "StringValue": delivery.id},
            "type": {"DataType": "String", "StringValue": "job.succeeded"},
        },
    }
    topic.add_response("publish", {"MessageId": "m-1"}, expected)
    world.work()
    topic.assert_no_pending_responses()
    assert world.job(delivery).state is State.SUCCEEDED


@pytest.mark.parametrize(("code", "state"), [("NotFound", State.DEAD), ("Throttled", State.PENDING)])
def test_what_sns_refuses_for_good_is_not_tried_again(world: Notified, topic: Stubber, code: str, state: State) -> None:
    """As with SES."""
    world.subscribe(channel="sns", topicArn=TOPIC)
    topic.add_client_error("publish", code)
    delivery = world.notify_one()
    world.work()
    assert world.job(delivery).state is state


def test_a_topic_that_is_not_allowed_any_more_gets_nothing(
    world: Notified, topic: Stubber, provided: Resources
) -> None:
    """As with recipients."""
    world.subscribe(channel="sns", topicArn=TOPIC)
    delivery = world.notify_one()
    provided.provide("settings", lambda: TaskSettings(sns_allow={"other": TOPICS["acme"]}))
    world.work()
    assert world.job(delivery).state is State.DEAD
