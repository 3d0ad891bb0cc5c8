"""Laws of workflows on the real services: any graph, nodes that fail, policies; then they are healed and retried."""

from dataclasses import dataclass, field
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders.world import TENANT, World
from whendue.jobs.dependencies import FAILURE_POLICIES, ONS, FailurePolicy, On
from whendue.jobs.model import TERMINAL, Job
from whendue.submission.request import JobRequest
from whendue.workflows.graph import Draft, Graph, Wanted, make, outcome, to_value
from whendue.workflows.progress import node_state


@dataclass
class Flow:
    """A workflow in a world of its own, and the nodes whose tasks fail."""

    graph: Graph
    failing: set[str]
    ran: list[str] = field(default_factory=list)
    world: World = field(default_factory=World)

    def __post_init__(self) -> None:
        self.world.task("node", self._run)
        self.job = self.world.app.submit.one(TENANT, JobRequest("workflow", to_value(self.graph))).job

    def _run(self, payload: Any, ctx: Any) -> None:
        self.ran.append(payload.name)
        if payload.name in self.failing:
            raise RuntimeError

    def settle(self) -> None:
        """Let everything that can happen without time passing happen, then a little time."""
        self.world.work()
        self.world.pass_time(130, step_s=10)

    @property
    def state(self) -> str:
        return self.world.job(self.job).state.value

    @property
    def jobs(self) -> dict[int, Job | None]:
        return self.world.app.workflows.get(TENANT, self.job.id).jobs

    @property
    def states(self) -> dict[str, str]:
        """Return the states of nodes by name."""
        now_ms, jobs = self.world.clock.now_ms(), self.jobs
        return {node.name: node_state(jobs[n], now_ms, made=True) for n, node in enumerate(self.graph.nodes)}


@st.composite
def flows(draw: st.DrawFn) -> Flow:
    count = draw(st.integers(1, 8))
    ons: st.SearchStrategy[On] = st.sampled_from(ONS)
    policies: st.SearchStrategy[FailurePolicy] = st.sampled_from(FAILURE_POLICIES)
    drafts = []
    for number in range(count):
        dependencies = draw(st.dictionaries(st.integers(0, number - 1), ons, max_size=3)) if number else {}
        wanted = tuple(Wanted(f"n{dependency}", on) for dependency, on in dependencies.items())
        request = JobRequest("node", {"name": f"n{number}"}, policy={"max_attempts": 1})
        drafts.append(Draft(f"nodes.n{number}", f"n{number}", request, wanted, draw(policies)))
    failing = draw(st.sets(st.sampled_from([draft.name for draft in drafts])))
    return Flow(make(drafts), failing)


def expected(flow: Flow, states: dict[str, str]) -> dict[str, set[str]]:
    """Say in which states each node may be, given those of its dependencies: what the docs promise."""
    allowed: dict[str, set[str]] = {}
    for node in flow.graph.nodes:
        verdicts = set()
        for link in node.dependencies:
            dependency = states[flow.graph.nodes[link.node].name]
            met = {
                "success": dependency == "succeeded",
                "failure": dependency in ("dead", "cancelled"),
                "done": dependency in ("succeeded", "dead", "cancelled", "not_taken"),
            }[link.on]
            if met or dependency == "waiting":
                verdicts.add("met" if met else "waiting")
            elif dependency == "not_taken" or link.on == "failure":
                verdicts.add("not_taken")
            else:
                verdicts.add({"cancel": "cancelled", "run": "met", "hold": "waiting"}[node.on_dependency_failure])
        # Of two reasons to cancel the one that is heard first counts.
        stopped = verdicts & {"not_taken", "cancelled"}
        if stopped:
            allowed[node.name] = stopped
        elif "waiting" in verdicts:
            allowed[node.name] = {"waiting"}
        else:
            allowed[node.name] = {"dead" if node.name in flow.failing else "succeeded"}
    return allowed


@settings(deadline=None, max_examples=60)
@given(flows())
def test_every_node_ends_as_the_ends_of_its_dependencies_say(flow: Flow) -> None:
    """And runs once if it is to, after all its dependencies; and the workflow ends as its nodes do."""
    flow.settle()
    states, allowed = flow.states, expected(flow, flow.states)
    assert all(state in allowed[name] for name, state in states.items()), (states, allowed)
    assert sorted(flow.ran) == sorted(name for name, state in states.items() if state in ("succeeded", "dead"))
    places = {name: position for position, name in enumerate(flow.ran)}
    for node in flow.graph.nodes:
        before = [flow.graph.nodes[link.node].name for link in node.dependencies]
        if node.name in places:
            assert all(places.get(dependency, -1) < places[node.name] for dependency in before)
    if "waiting" in states.values():
        assert flow.state == "waiting"
    else:
        assert flow.state == ("dead" if outcome(flow.graph, flow.jobs) else "succeeded")


@settings(deadline=None, max_examples=40)
@given(flows())
def test_a_healed_workflow_succeeds_when_it_is_retried(flow: Flow) -> None:
    """One that waits for a held node is cancelled first. What has succeeded does not run again."""
    flow.settle()
    succeeded = {name for name, state in flow.states.items() if state == "succeeded"}
    if flow.state == "waiting":
        flow.world.app.workflows.cancel(TENANT, flow.job.id)
        flow.settle()
        assert flow.state == "cancelled"
    if flow.state == "succeeded":
        return
    flow.failing.clear()
    first = list(flow.ran)
    flow.world.app.workflows.retry(TENANT, flow.job.id)
    flow.settle()
    assert flow.state == "succeeded", flow.states
    assert not succeeded & set(flow.ran[len(first) :])
    assert set(flow.states.values()) <= {"succeeded", "not_taken"}


@settings(deadline=None, max_examples=30)
@given(flows(), st.integers(0, 3))
def test_a_cancelled_workflow_runs_nothing_more(flow: Flow, batches: int) -> None:
    """Whenever it is cancelled."""
    for _ in range(batches):
        if messages := flow.world.queues.receive("normal"):
            worked = flow.world.app.work.handle(messages, flow.world.clock.now_ms() + 60_000)
            flow.world.queues.delete(
                "normal", [message.receipt for message in messages if message.id not in worked.unsettled]
            )
    if flow.state in TERMINAL:
        return
    flow.world.app.workflows.cancel(TENANT, flow.job.id)
    first = list(flow.ran)
    flow.settle()
    assert flow.state == "cancelled"
    assert flow.ran == first
    assert "waiting" not in flow.states.values()
