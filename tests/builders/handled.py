"""A world whose workers and timer run behind their handlers, as on AWS: so what they do is logged and counted."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from functions.api.schemas.metrics import exposition
from functions.sqs_batch import handle_batch, named
from functions.timer import handler as timer
from tests.builders.world import MINUTE_MS, SETTINGS, World
from whendue.bootstrap.application import App
from whendue.engine.ports import ReceivedMessage
from whendue.settings import ALL_QUEUES


class Handled(World):
    """The world's services behind the functions' handlers."""

    def batch(self, app: App, messages: Sequence[ReceivedMessage]) -> set[str]:
        """Hand messages to a worker's handler and delete those that it settled; return the ids of the others."""
        reply = handle_batch(
            app,
            {"Records": [record(message) for message in messages]},
            named(SETTINGS.queues),
            lambda messages: app.work.handle(messages, self.clock.now_ms() + MINUTE_MS),
        )
        left = {failed["itemIdentifier"] for failed in reply["batchItemFailures"]}
        for message in messages:
            if message.id not in left:
                self.queues.delete(message.queue, [message.receipt])
        return left

    def run_visible(self) -> None:
        """Let handlers empty the queues of what is visible now."""
        for queue in ALL_QUEUES:
            while messages := self.queues.receive(queue):
                self.batch(self.app, messages)

    def handled_tick(self, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
        """Let the timer's handler tick."""
        monkeypatch.setattr(timer, "app", lambda **_: self.app)
        return timer.handler({}, Remaining())  # type: ignore[arg-type]

    def live(self, seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let time pass with a tick every minute, and workers every second."""
        for second in range(round(seconds)):
            self.clock.advance(1)
            if second % 60 == 0:
                self.handled_tick(monkeypatch)
            self.run_visible()

    def samples(self) -> Mapping[tuple[str, frozenset[tuple[str, str]]], float]:
        """Scrape: (name, labels) -> value."""
        text = exposition(self.app.counters.read(), self.app.gauges.measure())
        families = text_string_to_metric_families(text)
        return {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for all_ in families
            for sample in all_.samples
        }

    def value(self, name: str, **labels: str) -> float:
        """Sum up all samples of a metric that have these labels."""
        wanted = labels.items()
        return sum(value for (known, has), value in self.samples().items() if known == name and wanted <= has)


class Remaining:
    """The part of Lambda's context that the timer reads."""

    def get_remaining_time_in_millis(self) -> int:
        return MINUTE_MS


def record(message: ReceivedMessage) -> dict[str, Any]:
    """Return a message as SQS hands it to a function."""
    return {
        "messageId": message.id,
        "receiptHandle": message.receipt,
        "body": message.body,
        "attributes": {"ApproximateReceiveCount": str(message.receive_count)},
        "eventSourceARN": f"arn:aws:sqs:eu-central-1:000000000000:{message.queue}",
    }
