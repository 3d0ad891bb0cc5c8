"""The request that the project was asked for, to the letter, from HTTP to the emulator's mailbox.

The emulator is looked at from outside, by localstack-client as its users have it: nothing of whendue's is between.
"""

from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from localstack_client.session import Session

from tests.builders.waiting import eventually
from tests.e2e.stage import Http, Stage

# Every character of it.
BRIEF = b'{"type":"email","payload":{"to":"user@example.com","subject":"Hello"},"delaySeconds":30,"retries":3}'


@pytest.fixture
def outside(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Session:
    """LocalStack's client library on the embedded emulator; what is exported would lead it elsewhere."""
    for name in ("AWS_ENDPOINT_URL", "USE_SSL"):
        monkeypatch.delenv(name, raising=False)
    return Session(region_name=stage.stack.region, localstack_host=urlsplit(stage.stack.aws_endpoint_url).netloc)


def mails(stage: Stage, **wanted: Any) -> list[dict[str, Any]]:
    """Return the mails in the emulator's mailbox that have these fields."""
    url = f"{stage.stack.aws_endpoint_url}/_ministack/ses/messages"
    by_account = httpx.get(url).raise_for_status().json()["messages"]
    every = [mail for messages in by_account.values() for mail in messages]
    return [mail for mail in every if mail.items() >= wanted.items()]


def test_the_briefs_request_sends_its_mail(stage: Stage, http: Http, outside: Session) -> None:
    """202; not before its time; one mail, with an empty text; succeeded at the first of four attempts."""
    sent = outside.client("sesv2").get_account()["SendQuota"]["SentLast24Hours"]
    reply = http.client.post("/tasks/schedule", content=BRIEF, headers={"Content-Type": "application/json"})
    assert reply.status_code == 202, reply.text
    job = reply.json()
    assert (job["type"], job["state"], job["maxAttempts"]) == ("email", "scheduled", 4)
    key = {"pk": {"S": f"JOB#{job['id']}"}, "sk": {"S": "job"}}
    item = outside.client("dynamodb").get_item(TableName=stage.stack.table, Key=key)["Item"]
    assert (item["type"], item["state"]) == ({"S": "email"}, {"S": "pending"})
    sqs, delayed = outside.client("sqs"), "ApproximateNumberOfMessagesDelayed"
    asked = {"QueueUrl": stage.stack.queues["normal"], "AttributeNames": [delayed]}
    eventually(lambda: int(sqs.get_queue_attributes(**asked)["Attributes"][delayed]) >= 1)
    [done] = http.ended([job])
    assert (done["state"], done["attempt"]) == ("succeeded", 1)
    [mail] = mails(stage, MessageId=done["result"]["messageId"])
    assert (mail["To"], mail["CC"], mail["BCC"]) == (["user@example.com"], [], [])
    assert (mail["Source"], mail["Subject"], mail["BodyText"]) == ("whendue@example.com", "Hello", "")
    assert mail["Timestamp"] * 1000 >= float(item["due_at"]["N"])
    assert outside.client("sesv2").get_account()["SendQuota"]["SentLast24Hours"] == sent + 1


@pytest.mark.parametrize(
    ("payload", "fields"),
    [
        ({"to": "Ada <ada@x.org>", "text": "Hi"}, {"To": ["Ada <ada@x.org>"], "BodyText": "Hi"}),
        ({"to": ["a+b@x.org", "Zoë <z@x.org>"]}, {"To": ["a+b@x.org", "=?utf-8?q?Zo=C3=AB?= <z@x.org>"]}),
        ({"to": "a@x.org", "html": "<p>Grüße</p>"}, {"BodyHtml": "<p>Grüße</p>", "BodyText": ""}),
        ({"to": "a@x.org", "cc": "c@x.org", "bcc": ["b@x.org"], "subject": "☀"}, {"CC": ["c@x.org"], "Subject": "☀"}),
        ({"to": [f"u{number}@x.org" for number in range(50)], "subject": ""}, {"Subject": ""}),
    ],
)
def test_what_else_a_mail_may_be_arrives_as_it_was_asked_for(
    stage: Stage, http: Http, payload: dict[str, Any], fields: dict[str, Any]
) -> None:
    """Names, lists, copies, HTML, any script, an empty subject."""
    [done] = http.ended([http.submit("email", {"subject": "Hello"} | payload)])
    assert done["state"] == "succeeded", done
    [mail] = mails(stage, MessageId=done["result"]["messageId"])
    assert mail.items() >= fields.items()


def test_no_job_invokes_whendues_own_functions(stage: Stage, http: Http) -> None:
    """Whatever they are called: the stack knows its own."""
    for name in stage.stack.functions.values():
        reply = http.client.post("/jobs", json={"type": "lambda", "payload": {"functionName": name}})
        assert (reply.status_code, reply.json()["code"]) == (422, "not_allowed")
        assert "own" in reply.json()["detail"]
