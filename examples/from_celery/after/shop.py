"""A shop's background work; docs/guide/from-celery.md moves it from Celery to whendue, change by change."""

from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import BaseModel, RootModel

from whendue import Context, chord, previous, task


class Article(BaseModel):
    """What to price."""

    article: str


@task("shop.price")
def price(payload: Article) -> int:
    """Return the price of an article, cents."""
    return 100 * len(payload.article)


class Prices(RootModel[list[int]]):
    """The prices of an order, cents."""


@task("shop.total")
def total(payload: Prices) -> int:
    """Add up the prices of an order."""
    return sum(payload.root)


class Invoice(BaseModel):
    """What to bill, cents."""

    amount: int
    order: int


@task("shop.invoice", max_attempts=4, base_s=5)
def invoice(payload: Invoice, ctx: Context) -> str:
    """Send an invoice; the mail server may be away for a moment."""
    if payload.order < 0 and ctx.attempt == 1:
        raise ConnectionError("the mail server is away")
    return f"order {payload.order}: {payload.amount / 100:.2f} EUR"


class Order(BaseModel):
    """Which order."""

    order: int


@task("shop.remind")
def remind(payload: Order) -> str:
    """Remind of an order that is not paid."""
    return f"order {payload.order} is not paid"


class Nothing(BaseModel):
    """A payload without fields."""


@task("shop.report")
def report(_: Nothing) -> int:
    """Count the orders of a day, and create a reminder for each."""
    orders = [7, 8, 9]
    for order in orders:
        remind.delay(order=order)
    return len(orders)


def take_order(order: int, articles: list[str]) -> Any:
    """Price the articles side by side, add up, send the invoice; remind in an hour, and in a week."""
    prices = [price.s(article=article) for article in articles]
    billing = chord(prices, total.s()) | invoice.s(amount=previous(), order=order)
    result = billing.delay()
    remind.submit({"order": order}, in_=3600)
    remind.submit({"order": order}, at=datetime.now(UTC) + timedelta(days=7))
    return result


def put_schedules() -> None:
    """Create the schedules, or change them to what is below; run it with each deployment."""
    from whendue.client import JobTemplate, NewSchedule, current_client

    nightly = NewSchedule(cron="30 2 * * *", job=JobTemplate("shop.report"))
    current_client().put_schedule("nightly-report", nightly)
