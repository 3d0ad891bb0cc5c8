"""Checks of the API: is it there and ready, do the clocks agree, are version and token good?"""

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import Any, Final, TypeVar

from whendue.adapters.auth import LEEWAY_S
from whendue.cli.connection import Deployment
from whendue.cli.dev_tokens import SCOPES
from whendue.cli.doctor.findings import Check, Finding, fault, ok, warning
from whendue.cli.failures import description
from whendue.client import ApiError, Client, ClientError, ForbiddenError, UnauthorizedError
from whendue.client.actions import Flow
from whendue.client.messages import Answer, Request, json_value, request
from whendue.client.routes import Route
from whendue.client.tokens.sources import source_of
from whendue.support.clock import Clock
from whendue.support.timestamps import to_timestamp
from whendue.version import VERSION

T = TypeVar("T")
# A token that ends sooner is renewed before a longer command.
SOON_S: Final = 600
_DOCUMENT: Final = Route("GET", "/openapi.json", public=True)


@dataclass
class Api:
    """A deployment's API, and the clock of this machine.

    Args:
        deployment: where it is, and the token.
        client: of it, with few retries.
        clock: this machine's.
    """

    deployment: Deployment
    client: Client
    clock: Clock

    def send(self, wanted: Request[T]) -> T:
        """Send a request.

        Raises:
            ClientError: it was not answered, or refused.
        """
        return self.client.run(_single(wanted))

    @cached_property
    def health(self) -> tuple[Answer, float]:
        """The answer of `GET /health`, and the time of this machine in the middle of it, seconds."""
        before_ms = self.clock.now_ms()
        answer = self.send(request("getHealth", lambda answer: answer))
        return answer, (before_ms + self.clock.now_ms()) / 2000


def _single(wanted: Request[T]) -> Flow[T]:
    result: T = yield wanted
    return result


def reachable(api: Api) -> Iterator[Finding]:
    """Check that whendue answers at the URL."""
    url = api.deployment.url
    try:
        answer, _ = api.health
        status = json_value(answer)
    except ClientError as error:
        code = "not_whendue" if isinstance(error, ApiError) else "unreachable"
        yield fault("api", code, f"{url}: {description(error)}; check the URL")
        return
    if not isinstance(status, dict) or status.get("status") != "UP":
        yield fault("api", "not_whendue", f"{url} answers, but not as whendue does; check the URL")
    else:
        yield ok("api", f"{url} answers")


def ready(api: Api) -> Iterator[Finding]:
    """Check that table and queues answer the API, and that its tasks are there."""
    health = api.client.get_readiness()
    down = {name: part for name, part in health.components.items() if part.get("status") == "DOWN"}
    for name, part in down.items():
        code = part.get("details", {}).get("code", "unavailable")
        yield fault("ready", f"{name}_unavailable", f"the API cannot use its {name}: {code}")
    tasks = health.components.get("tasks", {})
    if tasks.get("status") == "DEGRADED":
        modules = ", ".join(map(str, tasks.get("details", {}).get("modules", ())))
        yield fault("ready", "tasks_missing", f"modules of tasks cannot be imported: {modules}; see the API's log")
    if not down and tasks.get("status") != "DEGRADED":
        yield ok("ready", "table and queues answer, all tasks are there")


def clocks(api: Api) -> Iterator[Finding]:
    """Check that this machine's clock agrees with the API's: tokens and due times depend on it."""
    answer, now_s = api.health
    try:
        theirs_s = parsedate_to_datetime(answer.headers.get("date", "")).timestamp()
    except ValueError:
        yield warning("clock", "no_date", "the API's answer has no date, so clocks cannot be compared")
        return
    # Date has whole seconds.
    skew_s = round(now_s - theirs_s - 0.5)
    if abs(skew_s) > LEEWAY_S:
        yield fault("clock", "clock_skew", f"this machine's clock is {skew_s} s ahead of the API's; use NTP")
    else:
        yield ok("clock", f"this machine's clock and the API's differ by less than {LEEWAY_S} s")


def versions(api: Api) -> Iterator[Finding]:
    """Check that the API has the version of this command."""
    document = api.send(Request(route=_DOCUMENT, path=_DOCUMENT.path, read=json_value))
    info = document.get("info", {}) if isinstance(document, dict) else {}
    theirs = info.get("version")
    if theirs == VERSION:
        yield ok("version", f"both have the version {VERSION}")
    else:
        yield warning("version", "version_differs", f"the API has the version {theirs}, this command {VERSION}")


def token(api: Api) -> Iterator[Finding]:
    """Check the token's times, and that the API accepts it."""
    try:
        text = api.client.run(source_of(api.deployment.token).token(None)).reveal()
    except (ClientError, ValueError) as error:
        yield fault("token", "no_token", str(error))
        return
    timely = list(_times(_claims(text), api.clock.now_ms() // 1000))
    yield from timely
    try:
        next(iter(api.client.list_jobs(limit=1)), None)
    except UnauthorizedError as error:
        if not any(finding.status == "fault" for finding in timely):
            yield fault("token", "token_refused", f"the API refuses the token: {description(error)}")
    except ForbiddenError as error:
        yield from _limited(api, _claims(text), error)
    else:
        yield ok("token", "the API accepts the token")


def _limited(api: Api, claims: Mapping[str, Any], error: ForbiddenError) -> Iterator[Finding]:
    """Say what a token that cannot read jobs is good for: one of operators, or of a scraper, need not."""
    asked: Mapping[str, Callable[[], object]] = {
        "queues": lambda: next(iter(api.client.list_queues()), None),
        "metrics": api.client.get_metrics,
    }
    seen = [name for name, ask in asked.items() if _is_allowed(ask)]
    scopes = claims.get("scope")
    known = sorted(set(scopes.split()) & set(SCOPES.split())) if isinstance(scopes, str) else []
    if not seen and not known:
        yield fault("token", "scope_missing", f"the token has no scope of whendue: {description(error)}")
        return
    yield ok("token", "the API accepts the token" + (f"; it reads {' and '.join(seen)}" if seen else ""))
    yield warning("token", "not_checked", "jobs were not checked: the token has no scope jobs:read")


def _is_allowed(ask: Callable[[], object]) -> bool:
    try:
        ask()
    except ForbiddenError:
        return False
    return True


def _times(claims: Mapping[str, Any], now_s: int) -> Iterator[Finding]:
    ends_s, starts_s = claims.get("exp"), claims.get("nbf")
    if type(ends_s) is int and ends_s <= now_s:
        yield fault("token", "token_expired", f"the token has ended at {to_timestamp(ends_s * 1000)}; get a new one")
    elif type(ends_s) is int and ends_s <= now_s + SOON_S:
        yield warning("token", "token_ends_soon", f"the token ends at {to_timestamp(ends_s * 1000)}")
    if type(starts_s) is int and starts_s > now_s + LEEWAY_S:
        yield fault("token", "token_not_valid_yet", f"the token is valid from {to_timestamp(starts_s * 1000)}")


def _claims(token_text: str) -> Mapping[str, Any]:
    """Return what a JWT says, unverified; nothing if it is no JWT."""
    parts = token_text.split(".")
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (IndexError, ValueError, RecursionError):
        return {}
    return claims if isinstance(claims, dict) else {}


def queues(api: Api) -> Iterator[Finding]:
    """Check that no queue is paused."""
    try:
        paused = [queue.name for queue in api.client.list_queues() if queue.paused]
    except UnauthorizedError:
        # The check of the token says so.
        return
    except ForbiddenError:
        text = "queues were not checked: the token has neither the scope jobs:read nor operator"
        yield warning("queues", "not_checked", text)
        return
    if paused:
        yield warning("queues", "queue_paused", f"paused: {', '.join(paused)}; whendue queues resume NAME")
    else:
        yield ok("queues", "no queue is paused")


FIRST: Final[tuple[tuple[str, Check[Api]], ...]] = (("api", reachable),)
# Those that need an answer.
OTHERS: Final[tuple[tuple[str, Check[Api]], ...]] = (
    ("ready", ready),
    ("clock", clocks),
    ("version", versions),
    ("token", token),
    ("queues", queues),
)
