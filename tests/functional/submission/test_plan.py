"""What a request becomes: the job that is written, or a refusal."""

from tests.builders.world import World
from whendue.quotas import PAYLOAD_BYTES


def test_only_a_key_that_can_be_used_again_distinguishes_the_lives_of_its_job() -> None:
    """The key of a schedule's fire has its time in it: no other job ever has it. That of a trigger is its caller's."""
    world = World()
    by_a_client = world.submit(idempotency_key="k")
    by_a_trigger = world.submit(idempotency_key="trigger nightly k", schedule="nightly")
    by_a_fire = world.submit(idempotency_key="mark", schedule="nightly", nominal_at=world.clock.now_ms())
    assert (by_a_client.life, by_a_trigger.life, by_a_fire.life) == (world.clock.now_ms(), world.clock.now_ms(), None)


def test_a_payload_of_a_job_may_grow_when_it_is_escaped() -> None:
    """A job is shown without a payload of this size; a workflow is shown whole, and must fit into the answer."""
    world = World()
    world.task("measure", lambda payload, ctx: len(payload.text))
    # Six bytes each when escaped, one as it is stored.
    text = "\x7f" * (PAYLOAD_BYTES - len('{"text":""}'))
    job = world.submit("measure", {"text": text})
    world.work()
    assert world.view(job).result == len(text)
