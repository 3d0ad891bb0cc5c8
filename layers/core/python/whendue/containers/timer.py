"""The timer: a tick every minute, one at a time. Several timers do no harm, they only work twice."""

import threading
from typing import Final

from whendue.bootstrap.application import App
from whendue.containers import log
from whendue.containers.health import Liveness
from whendue.metrics_export import export, timer_lag

MINUTE_MS: Final = 60_000
# A tick ends before the next one is due.
TICK_S: Final = 50
# A tick that left something is followed so soon: what stopped it may be a table that throttles.
PAUSE_S: Final = 1.0
# Of the grace, what is kept for a tick's last step.
LAST_STEP_S: Final = 5
THREAD: Final = "timer"


class Timer:
    """A thread that ticks until it is drained."""

    def __init__(self, app: App, grace_s: int, liveness: Liveness) -> None:
        """Make ready; nothing ticks yet."""
        self._app = app
        self._grace_s = grace_s
        self._liveness = liveness
        self._draining = threading.Event()
        self._thread = threading.Thread(target=self._run, name=THREAD, daemon=True)

    def start(self) -> None:
        """Begin with a tick."""
        self._thread.start()

    def drain(self) -> None:
        """Tick no more."""
        self._draining.set()

    def join(self) -> bool:
        """Wait for the end of the tick under way, no longer than the grace; False if it still goes on."""
        self._thread.join(self._grace_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while not self._draining.is_set():
            self._liveness.beat(THREAD)
            behind = self._tick()
            self._liveness.beat(THREAD)
            to_the_minute_s = (MINUTE_MS - self._app.clock.now_ms() % MINUTE_MS) / 1000
            self._draining.wait(PAUSE_S if behind else to_the_minute_s)

    def _tick(self) -> bool:
        """Tick once; says whether something was left."""
        try:
            # It must fit the grace, too.
            lasts_s = min(TICK_S, self._grace_s - LAST_STEP_S)
            ticked = self._app.tick.run(self._app.clock.now_ms() + lasts_s * 1000)
        except Exception as error:  # noqa: BLE001 - the next tick does what this one could not
            log.failed("tick failed", error)
            return False
        log.info(
            "tick",
            planned=ticked.planned,
            promoted=ticked.promoted,
            rescued=dict(ticked.rescued),
            behind=ticked.behind,
            **export(self._app, timer_lag(self._app, ticked.behind)),
        )
        return bool(ticked.behind)
