"""A shop's background work; docs/guide/from-celery.md moves it from Celery to whendue, change by change."""

from datetime import UTC, datetime, timedelta
from typing import Any

from celery import Celery, chord
from celery.schedules import crontab

app = Celery("shop", broker="sqs://", backend="redis://localhost")
app.conf.task_acks_late = True


@app.task(name="shop.price")
def price(article: str) -> int:
    """Return the price of an article, cents."""
    return 100 * len(article)


@app.task(name="shop.total")
def total(prices: list[int]) -> int:
    """Add up the prices of an order."""
    return sum(prices)


@app.task(name="shop.invoice", bind=True, autoretry_for=(ConnectionError,), max_retries=3, retry_backoff=5)
def invoice(self: Any, amount: int, order: int) -> str:
    """Send an invoice; the mail server may be away for a moment."""
    if order < 0 and self.request.retries == 0:
        raise ConnectionError("the mail server is away")
    return f"order {order}: {amount / 100:.2f} EUR"


@app.task(name="shop.remind")
def remind(order: int) -> str:
    """Remind of an order that is not paid."""
    return f"order {order} is not paid"


@app.task(name="shop.report")
def report() -> int:
    """Count the orders of a day, and create a reminder for each."""
    orders = [7, 8, 9]
    for order in orders:
        remind.delay(order=order)
    return len(orders)


def take_order(order: int, articles: list[str]) -> Any:
    """Price the articles side by side, add up, send the invoice; remind in an hour, and in a week."""
    prices = [price.s(article=article) for article in articles]
    billing = chord(prices, total.s()) | invoice.s(order=order)
    result = billing.delay()
    remind.apply_async(kwargs={"order": order}, countdown=3600)
    remind.apply_async(kwargs={"order": order}, eta=datetime.now(UTC) + timedelta(days=7))
    return result


app.conf.beat_schedule = {
    "nightly-report": {"task": "shop.report", "schedule": crontab(hour=2, minute=30)},
}
