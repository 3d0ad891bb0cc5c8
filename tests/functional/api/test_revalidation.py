"""A reader that polls sends back the ETag, and gets 304 without content while nothing has changed."""

from collections.abc import Callable

import pytest

from tests.builders.gateway import Answer, Client
from tests.builders.world import World

LISTS = ["/jobs", "/queues", "/pauses", "/dead-letters", "/schedules", "/tasks", "/subscriptions", "/usage"]


def again(client: Client, path: str, tag: str) -> Answer:
    return client.send("GET", path, headers={"If-None-Match": tag})


@pytest.mark.parametrize("path", LISTS)
def test_an_unchanged_list_is_not_sent_again(client: Client, path: str) -> None:
    """An ETag is of the content: the same content has the same one."""
    first = client.send("GET", path)
    second = again(client, path, first.headers["etag"])
    assert first.status == 200
    assert (second.status, second.text, second.headers["etag"]) == (304, "", first.headers["etag"])
    assert second.headers["cache-control"] == "no-store"


def test_a_changed_list_is_sent(client: Client) -> None:
    """Whatever changes what is shown changes the ETag."""
    first = client.send("GET", "/jobs")
    job = client.submit()
    second = again(client, "/jobs", first.headers["etag"])
    assert second.status == 200
    assert [item["id"] for item in second.json["items"]] == [job["id"]]
    assert second.headers["etag"] != first.headers["etag"]


@pytest.mark.parametrize("of", ["explain", "events", "attempts", "logs", "payload"])
def test_what_belongs_to_a_job_is_not_sent_again(client: Client, of: str) -> None:
    """As lists."""
    path = f"/jobs/{client.submit(delaySeconds=600)['id']}/{of}"
    assert again(client, path, client.send("GET", path).headers["etag"]).status == 304


def test_a_job_is_sent_again_when_it_has_changed(client: Client) -> None:
    """Its ETag is that of If-Match: its version."""
    path = f"/jobs/{client.submit(delaySeconds=600)['id']}"
    first = client.send("GET", path)
    assert again(client, path, first.headers["etag"]).status == 304
    assert client.send("PATCH", path, {"priority": "high"}).status == 200
    second = again(client, path, first.headers["etag"])
    assert (second.status, second.json["priority"]) == (200, "high")


def test_a_job_that_became_due_is_sent_again(client: Client, world: World) -> None:
    """No write makes a scheduled job a queued one: its version is the same, and what is shown is not."""
    path = f"/jobs/{client.submit(delaySeconds=600)['id']}"
    first = client.send("GET", path)
    world.clock.advance(600_000)
    second = again(client, path, first.headers["etag"])
    assert (first.json["state"], second.status, second.json["state"]) == ("scheduled", 200, "queued")


def test_of_several_etags_one_is_enough(client: Client) -> None:
    """RFC 9110 section 13.1.2, compared weakly (section 8.8.3.2)."""
    tag = client.send("GET", "/jobs").headers["etag"]
    assert again(client, "/jobs", f'"a", {tag}').status == 304
    assert again(client, "/jobs", tag.removeprefix("W/")).status == 304


@pytest.mark.parametrize("tag", ['"other"', "nonsense", "", ",", '"' * 2000, "*"])
def test_another_etag_is_answered_in_full(client: Client, tag: str) -> None:
    """A malformed one, too: nothing of it is believed."""
    assert again(client, "/jobs", tag).status == 200


def test_who_may_not_read_learns_nothing(client_of: Callable[..., Client], client: Client) -> None:
    """The ETag of another's list opens nothing."""
    tag = client.send("GET", "/jobs").headers["etag"]
    assert again(client_of("stranger", "metrics:read"), "/jobs", tag).status == 403


def test_head_has_the_etag(client: Client) -> None:
    """As GET."""
    assert client.send("HEAD", "/jobs").headers["etag"] == client.send("GET", "/jobs").headers["etag"]
