"""A task: a function with a name, run for every job of that type.

Shows a typed payload, a typed result, progress, and the job id as idempotency key.

Run it: copy this file to `functions/worker/tasks/`, run `make up`, and submit a job:

    curl -s "$(make -s url)/jobs" -H "Authorization: Bearer $(make -s token)" -H "Content-Type: application/json" \
      -d '{"type": "example.invoice", "payload": {"lines": [{"price": "19.90", "quantity": 2}]}}'

A payload that does not fit the model is refused at submit (422), so a job that was accepted can start.
"""

from decimal import Decimal

from pydantic import BaseModel, Field

from whendue import Context, task


class Line(BaseModel):
    """One line of an invoice."""

    price: Decimal = Field(ge=0, decimal_places=2)
    quantity: int = Field(default=1, ge=1)


class Invoice(BaseModel):
    """What to bill."""

    lines: list[Line] = Field(min_length=1, max_length=100)


@task("example.invoice", max_attempts=3, timeout_s=60)
def invoice(payload: Invoice, ctx: Context) -> dict[str, str]:
    """Add up an invoice; the number stays the same however often the job is tried."""
    total = Decimal(0)
    for number, line in enumerate(payload.lines, start=1):
        total += line.price * line.quantity
        ctx.progress({"line": number, "of": len(payload.lines)})
    return {"number": f"INV-{ctx.job_id[:8]}", "total": f"{total:.2f}"}
