"""`whendue doctor` with planted faults: each is named by its code, and nothing else is."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import jwt
import pytest
from moto import mock_aws

from localstack import token
from localstack.deploy.storage import deploy_bucket, deploy_queues, deploy_table
from localstack.topology import topology
from tests.builders import web
from tests.builders.api import SECRET, a_token, api_of
from tests.builders.backends import CREDENTIALS, Aws
from tests.builders.faults import Refusing
from tests.builders.server import serving
from tests.builders.world import World
from tests.functional.cli.command_line import Ended, ended
from whendue.adapters import aws
from whendue.errors import UnavailableError
from whendue.support.clock import Clock, system_clock
from whendue.table.keys import MIGRATION_KEY

API = ["configuration", "api", "ready", "clock", "version", "token", "queues"]
NOTHING: dict[str, str | None] = dict.fromkeys(
    ("WHENDUE_URL", "WHENDUE_TOKEN", "WHENDUE_TOKEN_FILE", "WHENDUE_PROFILE", "WHENDUE_TABLE", "WHENDUE_QUEUES"), None
)


def wrong(done: Ended) -> set[str]:
    """Return the codes of what was found."""
    return {finding["code"] for finding in done.lines} - {"ok"}


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def url(world: World) -> Iterator[str]:
    with serving(api_of(world), world) as served:
        yield served


def doctor(url: str, token_text: str | None = None, **environ: str | None) -> Ended:
    """Run it with the machine's own clock."""
    given = NOTHING | {"WHENDUE_URL": url, "WHENDUE_TOKEN": token_text or a_token()}
    return ended("doctor", "--json", **given | environ)


# --- the API ------------------------------------------------------------------------------------------------------


def test_a_deployment_without_a_fault(url: str) -> None:
    """Each check says that it was made."""
    done = doctor(url)
    assert (done.code, wrong(done)) == (0, set())
    assert [finding["check"] for finding in done.lines] == API
    assert ended("doctor", **NOTHING | {"WHENDUE_URL": url, "WHENDUE_TOKEN": a_token()}).out.startswith("status\tcheck")


def test_no_configuration(tmp_path: Path) -> None:
    """What to set is in the text."""
    done = ended("doctor", "--json", **NOTHING | {"XDG_CONFIG_HOME": str(tmp_path)})
    assert (done.code, wrong(done)) == (1, {"configuration_invalid"})
    assert "WHENDUE_URL" in done.lines[0]["text"]


def test_a_configuration_that_others_can_read(tmp_path: Path, url: str) -> None:
    """It holds a token."""
    path = tmp_path / "whendue/config.toml"
    path.parent.mkdir()
    path.write_text(f'[profiles.dev]\nurl = "{url}"\ntoken = "{a_token()}"\n')
    path.chmod(0o640)
    done = ended("doctor", "--json", **NOTHING | {"XDG_CONFIG_HOME": str(tmp_path)})
    assert (done.code, wrong(done)) == (1, {"configuration_invalid"})
    assert "chmod 600" in done.lines[0]["text"]
    path.chmod(0o600)
    assert ended("doctor", "--json", **NOTHING | {"XDG_CONFIG_HOME": str(tmp_path)}).code == 0


def test_nobody_answers() -> None:
    """The other checks of the API are left out."""
    done = doctor("http://127.0.0.1:1")
    assert (done.code, wrong(done)) == (1, {"unreachable"})
    assert [finding["check"] for finding in done.lines] == ["configuration", "api"]


@pytest.mark.parametrize(("status", "body"), [(200, b"<html>"), (200, b"[]"), (404, b""), (301, b"")])
def test_something_else_answers(status: int, body: bytes) -> None:
    """A proxy, or another program at the port."""
    with web.serving() as other:
        other.answers(status, body, Content_Type="text/html")
        done = doctor(other.url(""))
    assert (done.code, wrong(done) <= {"not_whendue", "unreachable"}) == (1, True)
    assert len(done.lines) == 2


def test_the_table_does_not_answer_the_api(world: World) -> None:
    """As the API says of itself."""

    def refuse(*_: object, **__: object) -> None:
        raise UnavailableError

    with serving(api_of(world, store=Refusing(world.table, "get", refuse)), world) as served:
        done = doctor(served)
    assert "table_unavailable" in wrong(done)
    assert done.code == 1


def test_a_clock_that_is_wrong(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By more than what a token's times allow, in either direction; and no token counts as expired by it alone."""
    real = system_clock()
    for shift_s in (300, -300):

        def shifted(by_ms: int = shift_s * 1000) -> Clock:
            return Clock(lambda: real.now_ms() + by_ms, real.bits, real.sleep)

        monkeypatch.setattr("whendue.cli.commands.doctor.system_clock", shifted)
        done = doctor(url)
        assert done.code == 1
        assert "clock_skew" in wrong(done)


def test_another_version(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A warning: an older client works with a newer API."""
    monkeypatch.setattr("whendue.cli.doctor.api_checks.VERSION", "0.0.1")
    done = doctor(url)
    assert (done.code, wrong(done)) == (0, {"version_differs"})


def signed(**claims: Any) -> str:
    now_s = int(time.time())
    given = {"iss": token.ISSUER, "aud": token.AUDIENCE, "sub": "x", "tenant": "acme", "scope": token.SCOPES}
    times = {"iat": now_s, "nbf": now_s, "exp": now_s + 7200}
    return jwt.encode(given | times | claims, SECRET, algorithm="HS256")


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"exp": 1_700_000_000}, "token_expired"),
        ({"nbf": 4_000_000_000}, "token_not_valid_yet"),
        ({"aud": "other"}, "token_refused"),
    ],
)
def test_a_token_that_is_no_good(url: str, claims: Mapping[str, Any], code: str) -> None:
    """Why is said once, and the token never."""
    text = signed(**claims)
    done = doctor(url, text)
    assert (done.code, wrong(done)) == (1, {code})
    assert text not in done.out + done.err


def test_a_token_without_a_scope(url: str) -> None:
    """It is accepted, and good for nothing."""
    done = doctor(url, signed(scope="mail:read"))
    assert (done.code, wrong(done)) == (1, {"scope_missing", "not_checked"})


@pytest.mark.parametrize(
    ("scope", "unchecked", "reads"),
    [
        ("operator", {"token"}, "it reads queues"),
        ("metrics:read", {"token", "queues"}, "it reads metrics"),
        ("jobs:write", {"token", "queues"}, "accepts the token"),
    ],
)
def test_a_token_of_few_scopes(url: str, world: World, scope: str, unchecked: set[str], reads: str) -> None:
    """What it may see is checked, and what could not be is said."""
    ended("queues", "pause", "low", "--reason", "x", **NOTHING | {"WHENDUE_URL": url, "WHENDUE_TOKEN": a_token()})
    done = doctor(url, signed(scope=scope))
    assert done.code == 0
    assert {finding["check"] for finding in done.lines if finding["code"] == "not_checked"} == unchecked
    assert wrong(done) - {"not_checked"} == ({"queue_paused"} if scope == "operator" else set())
    assert any(reads in finding["text"] for finding in done.lines if finding["check"] == "token")


@pytest.mark.parametrize("text", ["opaque", "a.b.c", "..", "é"])
def test_a_token_that_is_no_jwt(url: str, text: str) -> None:
    """Refused by the API, or by the client where no header can carry it; never a traceback."""
    done = doctor(url, text)
    assert done.code == 1
    assert wrong(done) <= {"token_refused", "configuration_invalid"}


def test_a_token_that_ends_soon(url: str) -> None:
    """A warning."""
    done = doctor(url, signed(exp=int(time.time()) + 60))
    assert (done.code, wrong(done)) == (0, {"token_ends_soon"})


def test_a_paused_queue(url: str, world: World) -> None:
    """A warning: somebody wanted it."""
    ended("queues", "pause", "low", "--reason", "x", **NOTHING | {"WHENDUE_URL": url, "WHENDUE_TOKEN": a_token()})
    done = doctor(url)
    assert (done.code, wrong(done)) == (0, {"queue_paused"})


# --- the environment of a worker ----------------------------------------------------------------------------------


class Deployed:
    """A deployment on moto, and the environment of its worker."""

    def __init__(self) -> None:
        self.clients = Aws(CREDENTIALS).clients
        parts = topology()
        self.table = deploy_table(self.clients, "whendue", parts.table)
        self.urls, dead, _ = deploy_queues(self.clients, "whendue", parts.queues)
        self.environ: dict[str, str | None] = NOTHING | {
            **CREDENTIALS,
            **token.environment(SECRET, "s" * 40),
            "WHENDUE_TABLE": self.table,
            "WHENDUE_BUCKET": deploy_bucket(self.clients, "whendue-bucket", parts.bucket),
            "WHENDUE_QUEUES": json.dumps(self.urls),
            "WHENDUE_DEAD_LETTER_QUEUE": dead["dead_letter"],
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_SHARED_CREDENTIALS_FILE": "/no/such/file",
            "AWS_CONFIG_FILE": "/no/such/file",
        }

    def doctor(self, **changed: str | None) -> Ended:
        """Run it in a process that has no session of AWS yet."""
        aws._session.cache_clear()
        return ended("doctor", "--json", **self.environ | changed)


@pytest.fixture
def deployed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployed]:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    with mock_aws():
        yield Deployed()
    aws._session.cache_clear()


def test_a_worker_without_a_fault(deployed: Deployed) -> None:
    """No API is configured there, and none is missed."""
    done = deployed.doctor()
    assert (done.code, wrong(done)) == (0, set()), done.out
    assert {finding["check"] for finding in done.lines} == {"settings", "table", "index", "queue", "bucket"}


def no_table(deployed: Deployed) -> None:
    deployed.clients.dynamodb.delete_table(TableName=deployed.table)


def no_index(deployed: Deployed) -> None:
    deployed.clients.dynamodb.update_table(
        TableName=deployed.table, GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": "due_2"}}]
    )


def no_ttl(deployed: Deployed) -> None:
    off = {"Enabled": False, "AttributeName": "expires_at"}
    deployed.clients.dynamodb.update_time_to_live(TableName=deployed.table, TimeToLiveSpecification=off)


def no_upgrade(deployed: Deployed) -> None:
    key = {part: {"S": value} for part, value in MIGRATION_KEY._asdict().items()}
    deployed.clients.dynamodb.delete_item(TableName=deployed.table, Key=key)


def no_queue(deployed: Deployed) -> None:
    deployed.clients.sqs.delete_queue(QueueUrl=deployed.urls["low"])


def no_redrive(deployed: Deployed) -> None:
    deployed.clients.sqs.set_queue_attributes(QueueUrl=deployed.urls["low"], Attributes={"RedrivePolicy": ""})


def other_visibility(deployed: Deployed) -> None:
    deployed.clients.sqs.set_queue_attributes(QueueUrl=deployed.urls["low"], Attributes={"VisibilityTimeout": "30"})


def no_bucket(deployed: Deployed) -> None:
    deployed.clients.s3.delete_bucket(Bucket="whendue-bucket")


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    ("plant", "code"),
    [
        (no_table, "table_missing"),
        (no_index, "index_missing"),
        (no_ttl, "ttl_off"),
        (no_upgrade, "not_migrated"),
        (no_queue, "queue_missing"),
        (no_redrive, "no_redrive"),
        (other_visibility, "visibility_differs"),
        (no_bucket, "bucket_missing"),
    ],
)
def test_a_part_of_the_deployment_is_not_as_it_should_be(
    deployed: Deployed, plant: Callable[[Deployed], None], code: str
) -> None:
    """One fault is one finding; the other checks are made."""
    plant(deployed)
    done = deployed.doctor()
    assert (done.code, wrong(done)) == (1, {code}), done.out


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    ("changed", "codes"),
    [
        ({"WHENDUE_SECRET": None}, {"setting_invalid"}),
        ({"WHENDUE_QUEUES": "{"}, {"setting_invalid"}),
        ({"WHENDUE_TABLE": None}, {"setting_invalid"}),
        ({"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}, {"no_credentials"}),
        ({"AWS_DEFAULT_REGION": None}, {"no_region"}),
    ],
)
def test_an_environment_that_is_not_complete(
    deployed: Deployed, changed: Mapping[str, str | None], codes: set[str]
) -> None:
    """The variable is named, its value is not."""
    done = deployed.doctor(**changed)
    assert (done.code, wrong(done)) == (1, codes), done.out
    assert "s" * 40 not in done.out


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ("UnrecognizedClientException", "credentials_refused"),
        ("AccessDeniedException", "permission_missing"),
        ("InternalServerError", "aws_error"),
    ],
)
def test_what_aws_answers_is_understood(tmp_path: Path, error: str, code: str) -> None:
    """By its error code; a server stands in for AWS."""

    def reply(handler: BaseHTTPRequestHandler) -> None:
        content = json.dumps({"__type": f"com.amazonaws#{error}", "message": "no"}).encode()
        handler.send_response(400)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    given = NOTHING | CREDENTIALS | {"WHENDUE_TABLE": "table", "XDG_CONFIG_HOME": str(tmp_path)}
    with web.serving() as server:
        server.reply = reply
        aws._session.cache_clear()
        done = ended("doctor", "--json", **given | {"AWS_ENDPOINT_URL": server.url("")})
    aws._session.cache_clear()
    assert (done.code, wrong(done)) == (1, {"setting_invalid", code})


def test_aws_that_is_not_reached(tmp_path: Path) -> None:
    """The address is wrong, or the network."""
    given = NOTHING | CREDENTIALS | {"WHENDUE_TABLE": "table", "XDG_CONFIG_HOME": str(tmp_path)}
    aws._session.cache_clear()
    done = ended("doctor", "--json", **given | {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"})
    aws._session.cache_clear()
    assert wrong(done) == {"setting_invalid", "aws_unreachable"}
