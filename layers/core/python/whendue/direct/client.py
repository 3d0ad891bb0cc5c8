"""The clients of direct mode: those of the API, whose requests are answered in this process."""

import asyncio
import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Self

from whendue.adapters.auth import Identity
from whendue.bootstrap.application import App
from whendue.bootstrap.process import app as process_app
from whendue.client import AsyncClient, Client, NewJob, RetryPolicy
from whendue.client.settings import TIMEOUT_S
from whendue.declarations.registry import MANIFEST_SETTING, packages_of
from whendue.direct.identity import OWN, identity_of
from whendue.direct.transaction import PlanningApp, TransactItems, send_planned
from whendue.direct.transport import InProcess
from whendue.support.clock import Clock

# RFC 2606 section 2: no host is ever called so. The transport asks none.
_URL: Final = "https://direct.invalid"
_UNSET: Final = "neither WHENDUE_TASK_MANIFEST nor WHENDUE_TASKS is set"
_TOKEN: Final = "none"  # noqa: S105 - no token: the transport leaves it out


@dataclass(frozen=True, slots=True)
class _Access:
    """An application, and the identity that a client has there."""

    app: App
    identity: Identity
    log_requests: bool

    def transport(self, app: App) -> InProcess:
        """Return a transport to this application, or to one that takes its part."""
        given = self.identity
        return InProcess(app, given.tenant, given.scopes, given.subject, log_requests=self.log_requests)


def environment_app() -> App:
    """Return this process's application, configured by the environment as the functions are: docs/guide/direct.md.

    Tasks are known by the manifest that `WHENDUE_TASK_MANIFEST` names, or imported where `WHENDUE_TASKS` names their
    packages.

    Raises:
        ConfigurationError: a setting is missing or not valid.
    """
    made = process_app(described=True, tasks="")
    is_set = packages_of(os.environ, "") or os.environ.get(MANIFEST_SETTING)
    made.registry.why_unknown = "" if is_set else f"; only those of whendue are known here, as {_UNSET}"
    return made


class DirectClient(Client):
    """The client of the API for code with IAM permissions on the table: without HTTP, and without a token.

    All operations are those of `Client`, and raise its errors. Threads may share it.

    Args:
        app: the application. `from_env` makes it of the environment.
        tenant: whose jobs the operations are about.
        scopes: what they may do. Default: everything of the tenant's own (`admin`).
        subject: who is named as the one who asks, such as in a pause. Default: the tenant.
        retry: when a request is sent again. Default: `RetryPolicy()`.
        timeout_s: after how many seconds an answer comes too late. It interrupts nothing: AWS's clients have time-outs.
        log_requests: whether a line is logged for each request, with the metrics that CloudWatch reads of logs.
        clock: time, chance and sleep. Default: the application's.

    Raises:
        ConfigurationError: the API's code, or a library that it needs, is not installed.
        ValueError: tenant, scopes or subject are not valid.
    """

    def __init__(
        self,
        app: App,
        tenant: str,
        *,
        scopes: Iterable[str] = OWN,
        subject: str | None = None,
        retry: RetryPolicy | None = None,
        timeout_s: float = TIMEOUT_S,
        log_requests: bool = False,
        clock: Clock | None = None,
    ) -> None:
        """Make a client; nothing is read yet."""
        self._access = _Access(app, identity_of(tenant, scopes, subject), log_requests)
        transport, clock = self._access.transport(app), clock or app.clock
        super().__init__(_URL, _TOKEN, retry=retry, timeout_s=timeout_s, transport=transport, clock=clock)

    @classmethod
    def from_env(  # type: ignore[override]
        cls,
        tenant: str,
        *,
        scopes: Iterable[str] = OWN,
        subject: str | None = None,
        retry: RetryPolicy | None = None,
        timeout_s: float = TIMEOUT_S,
        log_requests: bool = False,
    ) -> Self:
        """Make a client of the settings of a deployment, from the environment of the process: docs/guide/direct.md.

        Args:
            tenant, scopes, subject, retry, timeout_s, log_requests: as of the class.

        Raises:
            ConfigurationError: a setting is missing or not valid; otherwise as of the class.
        """
        app = environment_app()
        return cls(
            app,
            tenant,
            scopes=scopes,
            subject=subject,
            retry=retry,
            timeout_s=timeout_s,
            log_requests=log_requests,
        )

    def transaction_items(
        self, job: NewJob, *, idempotency_key: str | None = None, traceparent: str | None = None
    ) -> TransactItems:
        """Return a job as items for your own `transact_write_items`: it exists if the transaction is committed.

        It is checked as by `submit_job`, and refused with the same errors. Nothing is written or sent. Commit within
        10 seconds: the timer runs the job at its first tick after that. A later commit is found within five minutes.

        Args:
            job: the job. It must have no `depends_on`, and a payload of at most 256 KiB.
            idempotency_key: refuses the transaction if the key was used before. Default: a new key.
            traceparent: the trace that the job belongs to. Default: none.
        """
        planning, settings = PlanningApp(self._access.app), self._settings
        transport = self._access.transport(planning)
        with Client(_URL, _TOKEN, retry=settings.retry, transport=transport, clock=settings.clock) as client:
            shown = client.submit_job(job, idempotency_key=idempotency_key, traceparent=traceparent)
        return planning.submit.items(shown)

    def send(self, *planned: TransactItems) -> None:
        """Send the messages of jobs whose transaction is committed, so that they need not wait for the timer.

        Never raises: the timer sends what this did not.
        """
        send_planned(self._access.app, planned)


class AsyncDirectClient(AsyncClient):
    """As `DirectClient`, for asyncio: requests are answered on threads. Tasks of one event loop may share it."""

    def __init__(
        self,
        app: App,
        tenant: str,
        *,
        scopes: Iterable[str] = OWN,
        subject: str | None = None,
        retry: RetryPolicy | None = None,
        timeout_s: float = TIMEOUT_S,
        log_requests: bool = False,
        clock: Clock | None = None,
    ) -> None:
        """Make a client; nothing is read yet."""
        self._access = _Access(app, identity_of(tenant, scopes, subject), log_requests)
        transport, clock = self._access.transport(app), clock or app.clock
        super().__init__(_URL, _TOKEN, retry=retry, timeout_s=timeout_s, transport=transport, clock=clock)

    @classmethod
    def from_env(  # type: ignore[override]
        cls,
        tenant: str,
        *,
        scopes: Iterable[str] = OWN,
        subject: str | None = None,
        retry: RetryPolicy | None = None,
        timeout_s: float = TIMEOUT_S,
        log_requests: bool = False,
    ) -> Self:
        """Make a client of the settings of a deployment, as `DirectClient.from_env`."""
        app = environment_app()
        return cls(
            app,
            tenant,
            scopes=scopes,
            subject=subject,
            retry=retry,
            timeout_s=timeout_s,
            log_requests=log_requests,
        )

    async def transaction_items(
        self, job: NewJob, *, idempotency_key: str | None = None, traceparent: str | None = None
    ) -> TransactItems:
        """Return a job as items for your own `transact_write_items`, as `DirectClient.transaction_items`."""
        planning, settings = PlanningApp(self._access.app), self._settings
        transport = self._access.transport(planning)
        async with AsyncClient(
            _URL, _TOKEN, retry=settings.retry, transport=transport, clock=settings.clock, sleep=self._sleep
        ) as client:
            shown = await client.submit_job(job, idempotency_key=idempotency_key, traceparent=traceparent)
        return planning.submit.items(shown)

    async def send(self, *planned: TransactItems) -> None:
        """Send the messages of jobs whose transaction is committed, as `DirectClient.send`."""
        await asyncio.to_thread(send_planned, self._access.app, planned)
