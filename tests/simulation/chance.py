"""Random worlds: everything about one follows from its seed, so that it can be run again to the letter."""

import random
from functools import partial
from typing import Any

from tests.simulation import lasting
from tests.simulation.explore import Found, Summary, play
from tests.simulation.faults import Chance, Plan
from tests.simulation.linked import linked
from tests.simulation.scenarios.base import QUICK, Scenario, submit
from tests.simulation.scenarios.notifications import subscribe
from tests.simulation.scenarios.registry import SCENARIOS
from tests.simulation.world import Nature, World

ANY = "succeeded dead cancelled expired"
FAULTS_MS = (10_000, 20_000, 60_000, 120_000)
HORIZON_S = 4 * 3600
# In one world of so many faults never stop: nothing need ever be settled there, but whatever happens must be right.
RESTLESS_EACH = 10
RESTLESS_S = 200
DOINGS = ("ok", "ok", "ok", "bad", "flaky", "poison", "poisonous", "later", "hopeless", "once", "bulky", "stuck")
LINKED = 0.1
# In so many somebody wants to hear of everything.
SUBSCRIBED = 0.1
# In so many jobs expire.
EXPIRING = 0.1
# In so many processes count.
COUNTED = 0.1
# In so many workers are processes of containers.
CONTAINERS = 0.15
# In so many jobs wait for hours, and go when their retention is over; faults go on for some of them.
LASTING = 0.003
LASTING_FAULTS_MS = 3 * 3_600_000
# Of all jobs of a world; most have none.
LIMITS: tuple[dict[str, Any], ...] = (
    *({} for _ in range(9)),
    {"limits": {"concurrency": 1, "key": "k"}},
    {"limits": {"ratePerSecond": 0.2, "key": "k"}},
    {"limits": {"concurrency": 1, "ratePerSecond": 0.2, "key": "k"}},
)


def scenario_of(seed: int) -> Scenario:
    """Make a world's nature and its clients."""
    if is_lasting(seed):
        return _lasting(seed)
    chance = random.Random(seed)
    nature = Nature(
        seed=seed,
        latency_ms=chance.choice([(5, 5), (1, 50), (20, 400)]),
        lag_ms=chance.choice([0, 20, 500, 2000]),
        lists_lag_ms=random.Random(f"lists {seed}").choice([0, 300, 5000]),
        skew_ms=chance.choice([0, 0, 1000, 5000]),
        shuffle=chance.random() < 0.7,
        workers=chance.choice([1, 2, 3]),
        timers=chance.choice([1, 1, 1, 1, 1, 2]),
        visibility_s=chance.choice([70, 120, 360]),
        max_receive_count=chance.choice([1, 3, 10]),
        newer=chance.random() < 0.1,
        counts=random.Random(f"counts {seed}").random() < COUNTED,
        threads=random.Random(f"threads {seed}").choice([1, 3]) if _in_containers(seed) else 0,
    )

    limits = random.Random(f"limits {seed}").choice(LIMITS)
    expiry = random.Random(f"expiry {seed}")
    if expiry.random() < EXPIRING:
        limits = limits | {"expiresSeconds": expiry.choice([1, 5, 30, 200])}
    # Of the clients of so many worlds one has jobs that wait for each other.
    links = random.Random(f"links {seed}")
    is_linked = links.random() < LINKED

    is_subscribed = random.Random(f"told {seed}").random() < SUBSCRIBED

    def play_clients(world: World) -> None:
        if is_subscribed:
            world.client(0, partial(subscribe, world))
        for number in range(chance.choice([1, 1, 1, 1, 1, 1, 1, 1, 2, 3])):
            after_s = chance.choice([0, 0, 0, 1, 50]) + chance.random() * 20
            script = _client(world, chance, f"key-{number}", limits)
            world.client(after_s, script if number or not is_linked else _linked(world, links))

    restless = is_restless(seed)
    horizon_s = RESTLESS_S if restless else HORIZON_S
    return Scenario(f"seed {seed}", play_clients, nature, horizon_s, settles=not restless)


def is_restless(seed: int) -> bool:
    """Return whether a world's faults never stop."""
    return seed % RESTLESS_EACH == 0


def is_lasting(seed: int) -> bool:
    """Return whether a world's jobs wait for hours."""
    return not is_restless(seed) and random.Random(f"lasting {seed}").random() < LASTING


def _in_containers(seed: int) -> bool:
    return random.Random(f"containers {seed}").random() < CONTAINERS


def _lasting(seed: int) -> Scenario:
    chance = random.Random(seed)
    nature = Nature(
        seed=seed,
        skew_ms=chance.choice([0, 0, 5000]),
        lag_ms=chance.choice([0, 20, 2000]),
        timers=chance.choice([1, 1, 2]),
        ttl_late_s=chance.choice([0, 0, 3600, 2 * 86_400]),
    )

    def play_client(world: World) -> None:
        world.client(1, lasting.lasting(world, chance, partial(_do, world)))

    return Scenario(f"seed {seed}", play_client, nature, lasting.HORIZON_S, timeout_s=lasting.TIMEOUT_S)


def _client(world: World, chance: random.Random, key: str, limits: dict[str, Any]) -> Any:
    wanted: dict[str, Any] = {
        "do": chance.choice(DOINGS),
        "takes_s": chance.choice([0, 0, 0, 1, 4, 25]),
        "times": chance.choice([1, 2]),
        "priority": chance.choice(["normal", "normal", "high", "critical"]),
        "delaySeconds": chance.choice([0, 0, 0, 0, 0, 3, 40, 130, 200]),
        "maxAttempts": chance.choice([1, 2, 4]),
        "leaseSeconds": chance.choice([5, 20, 45]),
        "timeoutSeconds": chance.choice([2, 30]),
        "backoff": chance.choice([QUICK, {"baseSeconds": 50, "factor": 2, "jitter": "full"}]),
        **limits,
    }
    profiled = chance.random() < 0.1
    deeds = [chance.choice(["cancel", "hasten", "delay", "redrive"]) for _ in range(chance.choice([0, 0, 0, 1, 2]))]
    pauses_ms = [chance.choice([10, 1500, 15_000, 70_000]) for _ in deeds]

    def script() -> None:
        if profiled:
            world.insist("PUT", "/profiles/mine", {name: wanted.pop(name) for name in ("leaseSeconds", "backoff")})
            wanted.update(profile="mine", followProfile=key == "key-0")
        job_id = submit(world, key, ANY, **wanted)
        for deed, pause_ms in zip(deeds, pauses_ms, strict=True):
            world.scheduler.sleep(pause_ms)
            _do(world, job_id, deed)

    return script


def _linked(world: World, chance: random.Random) -> Any:
    return linked(world, chance, "linked", lambda job_id: _do(world, job_id, chance.choice(["cancel", "redrive"])))


def _do(world: World, job_id: str, deed: str) -> None:
    path = f"/jobs/{job_id}"
    match deed:
        case "cancel":
            answer = world.ask("POST", f"{path}/cancel")
            if answer and answer.status == 200 and answer.json["state"] == "cancelled":
                world.monitor.cancelled(job_id)
        case "redrive":
            world.monitor.redriven(job_id, ANY)
            world.ask("POST", f"{path}/redrive")
        case "erase":
            world.monitor.erasing.add(job_id)
            world.ask("DELETE", path)
        case "hasten":
            world.ask("PATCH", path, {"dueAt": "2027-01-15T08:00:00Z"})
        case "delay":
            world.ask("PATCH", path, {"dueAt": "2027-01-15T08:04:53Z", "priority": "low"})


def chance_of(seed: int) -> Chance:
    """Return the world's bad luck."""
    luck = random.Random(f"luck {seed}")
    if is_lasting(seed):
        return Chance(seed, luck.choice([0.0, 0.01, 0.04]), LASTING_FAULTS_MS)
    probability, until_ms = luck.choice([0.0, 0.02, 0.06, 0.15, 0.35]), luck.choice(FAULTS_MS)
    return Chance(seed, probability, 1000 * RESTLESS_S if is_restless(seed) else until_ms)


def roam(seeds: range) -> Summary:
    """Run worlds."""
    summary = Summary()
    for seed in seeds:
        plan = chance_of(seed)
        world = play(scenario_of(seed), plan)
        summary.worlds += 1
        summary.restless += is_restless(seed)
        summary.calls += len(world.calls)
        if world.monitor.violations:
            faults = tuple(sorted(plan.faults.items()))
            summary.found.append(Found(f"seed {seed}", faults, tuple(world.monitor.violations), seed))
    return summary


def scenario_in(found: Found) -> Scenario:
    """Return the scenario in which something was found."""
    return SCENARIOS.get(found.scenario) or scenario_of(found.seed or 0)


def shrunk(found: Found) -> Found:
    """Take away faults, one after the other, as long as something is still wrong."""
    scenario = scenario_in(found)
    faults, violations = dict(found.faults), found.violations
    changed = True
    while changed:
        changed = False
        for number in sorted(faults, reverse=True):
            fewer = {other: fault for other, fault in faults.items() if other != number}
            world = play(scenario, Plan(fewer))
            if world.monitor.violations:
                faults, violations, changed = fewer, tuple(world.monitor.violations), True
    return Found(found.scenario, tuple(sorted(faults.items())), violations, found.seed)
