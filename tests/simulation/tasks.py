"""What jobs of the simulation do: succeed, fail, kill their worker, take long, get stuck; each run is noted."""

from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel, model_validator

from tests.simulation.receiver import install
from tests.simulation.scheduler import current_strand
from whendue.declarations.context import Context
from whendue.declarations.registry import Cancel, GiveUp, Registry, Retry, task
from whendue.errors import Interrupted
from whendue.tasks.workflow import workflow

if TYPE_CHECKING:
    from tests.simulation.world import World

TIDY_MS = 500
# Of results: in an item of its own, in a blob.
SIZES = {"bulky": 2000, "huge": 300_000}


class Doing(BaseModel):
    """What to do, and how long it takes."""

    do: str = "ok"
    takes_s: float = 0
    times: int = 1
    bulk: str = ""


class Spoilt(BaseModel):
    """A payload that is accepted, and whose definition raises in a worker."""

    do: str = "ok"

    @model_validator(mode="after")
    def _spoil(self) -> "Spoilt":
        if current_strand().process.kind == "worker":
            raise RuntimeError("its definition is spoilt")
        return self


class Tasks:
    """What the tasks of one world do."""

    def __init__(self, world: "World") -> None:
        self.world = world

    def run(self, payload: Doing, ctx: Context) -> Any:
        """Do what the payload says."""
        run = self.world.monitor.began(current_strand().process, ctx)
        try:
            value = self._do(payload, ctx)
        except BaseException as error:
            run.ended(type(error).__name__)
            raise
        run.ended("ok")
        return value

    def _do(self, payload: Doing, ctx: Context) -> Any:
        self._take(payload, ctx)
        if payload.do.startswith("create"):
            self._create(payload, ctx)
        self._fail(payload, ctx)
        if payload.do == "once":
            return ctx.once("effect") and self.world.monitor.effect(ctx.job_id)
        if payload.do == "list":
            return ["a", "b"]
        return {"text": "r" * SIZES.get(payload.do, 2)}

    def _fail(self, payload: Doing, ctx: Context) -> None:
        match payload.do:
            case "bad" | "spoilt":
                raise RuntimeError(f"attempt {ctx.attempt} is bad")
            case "reborn" if len(self.world.monitor.runs_of(ctx.job_id)) == 1:
                raise RuntimeError("not the first time")
            case "flaky" | "create, flaky" if ctx.attempt <= payload.times:
                raise RuntimeError(f"attempt {ctx.attempt} is bad")
            case "poison":
                raise current_strand().process.killed()
            case "poisonous" if len(self.world.monitor.runs_of(ctx.job_id)) <= payload.times:
                raise current_strand().process.killed()
            case "later":
                raise Retry("later", after=20)
            case "hopeless":
                raise GiveUp("hopeless")

    def _create(self, payload: Doing, ctx: Context) -> None:
        """Create jobs that are due at once, by the number of the call, and as many that the timer sends, by key."""
        for number in range(payload.times):
            soon = ctx.submit("other", {"do": "ok"})
            later = ctx.submit("other", {"do": "ok"}, key=f"later-{number}", in_=200)
            self.world.monitor.created(ctx.job_id, {f"call {number}": soon, f"later-{number}": later})

    def _take(self, payload: Doing, ctx: Context) -> None:
        scheduler, left_ms = self.world.scheduler, round(payload.takes_s * 1000)
        if payload.do == "stuck":
            scheduler.sleep(left_ms, deaf=True)
            return
        while left_ms > 0:
            try:
                scheduler.sleep(min(left_ms, 1000))
            except Interrupted:
                if payload.do == "tidy":
                    scheduler.sleep(TIDY_MS)
                raise
            left_ms -= 1000
            if ctx.cancelled and payload.do not in ("careless", "spoilt"):
                raise Cancel("asked to stop")


def _run(payload: Doing, ctx: Context) -> Any:
    tasks: Tasks = current_strand().process.tasks
    return tasks.run(payload, ctx)


def _spoilt(payload: Spoilt) -> None:
    """Never run: its definition raises before."""


# One for all worlds: reading signatures takes longer than the rest of a world's beginning.
REGISTRY: Final = Registry()
install(REGISTRY)
task("workflow", registry=REGISTRY, expands="workflow")(workflow)
for name in ("sim", "other"):
    task(name, registry=REGISTRY)(_run)
task("spoilt", registry=REGISTRY)(_spoilt)
