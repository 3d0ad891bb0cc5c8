"""Resume: end a pause, and send again at once the jobs whose messages workers have dropped meanwhile.

A first part is sent before the request is answered; the timer's next tick does the rest (`resumptions`).
"""

from contextlib import suppress

from whendue.engine.runtime import Runtime
from whendue.errors import UnavailableError
from whendue.pauses.resumption import Resumption
from whendue.pauses.service import PauseService
from whendue.quotas import RESUME_CALL_S, RESUMED_AT_ONCE
from whendue.timer.resumptions import Resumptions


class Resume:
    """Ends pauses."""

    def __init__(self, runtime: Runtime, pauses: PauseService) -> None:
        """Use this runtime."""
        self._runtime = runtime
        self._pauses = pauses
        self._resumptions = Resumptions(runtime, pauses)

    def queue(self, queue: str) -> None:
        """Resume a queue; one that is not paused stays as it is.

        Raises:
            QueueNotFoundError: no queue has this name.
            UnavailableError: the table does not answer; send the same request again.
        """
        self._bring_back(self._pauses.resume_queue(queue))

    def tenant(self, tenant: str, task: str | None) -> None:
        """Resume a tenant, or one of its task types; what is not paused stays as it is.

        Raises:
            UnavailableError: the table does not answer; send the same request again.
        """
        self._bring_back(self._pauses.resume_tenant(tenant, task))

    def _bring_back(self, resumption: Resumption | None) -> None:
        if resumption:
            with suppress(UnavailableError), self._runtime.bulkhead.around("resume", resumption.pause.pk):
                until_ms = self._runtime.clock.now_ms() + 1000 * RESUME_CALL_S
                self._resumptions.carry_on(resumption, until_ms, RESUMED_AT_ONCE)
