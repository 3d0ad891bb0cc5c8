"""The sentences of the page: what was measured, how, and what a reader should not conclude from it."""

import textwrap
from collections.abc import Mapping
from typing import Any

WIDTH = 120

HEAD = """# Benchmarks

<!-- Written by `make bench` from benchmarks/results.json; tests/unit/load/test_bench.py compares them. -->

whendue beside Celery, dramatiq and bare boto3 calls, each on the same emulator, in the same number of processes and
threads. Ratios within this page mean something; absolute figures do not: the emulator is one process of the same
machine, and AWS is faster and further away."""

HOW = """## How to repeat it

```bash
make bench                                              # everything, for an hour or two
make bench TRIALS=1 JOBS=200 SYSTEMS="whendue celery"   # a short form; prints the page, leaves this one alone
```

It needs Python 3.11 or newer, make, and for one row `redis-server`. What it installs goes to `.local/bench-venv`, from
`requirements/bench.txt`.

| variable | meaning | default |
|---|---|---|
| `TRIALS` | trials of each system, interleaved | 5 |
| `KILLS` | in how many of them workers are killed as well | 2 |
| `MINUTES` | after which no further round of trials begins | 600 |
| `JOBS` | jobs of each drain | 2000 |
| `PROCESSES`, `THREADS` | workers of each system, and threads of each | 2, 40 (those of `whendue worker` by default) |
| `SYSTEMS` | names; an unknown one is answered with the list | all |
| `CONDITIONS` | local, delay, kill | all |
| `PUBLISH` | 0 leaves this page alone | 1 |

Only a run of all systems and conditions is written here; others are below `.local/bench`.

## What is measured

- **The job** notes when it ran in a file and returns a small result. It is the same function in every system.
- **Contract.** Each job runs at least once: Celery acknowledges late. The floors write a job (insert if absent), send
  its message, claim it under a condition, complete it under the claim's fence and delete the message: with 25 inserts,
  ten claims, ten completions a call, or with a call for each.
- **Trials.** Queues and tables are made for each trial and deleted after it. Another system begins each round. A cell
  is the median of the trials with their range. Ratios of targets are taken trial by trial.
- **Submit** is one producer process with one thread, calls of 100 jobs where the system has such a call; Celery and
  dramatiq have none, their groups send one by one. whendue submits by its package beside the table, as functions by
  HTTP.
- **Drain** counts from when every worker process has run a job, so no start is measured, and until the last job has
  run; CPU until all results are recorded. Workers' CPU includes what they started. Memory is the proportional set size.
- **Emulator's share** is its part of the CPU time used by it and the workers during the drain; for Redis, the server's.
- **Latency** is from submit to start at 25 jobs a second; **lateness** the same at 70% of what the system can submit
  and run at once on this emulator, which is 1 / (1 / submit + 1 / drain).
- **Mixed**: one job in a hundred sleeps for 5 s; the others are counted. The floors run a batch one by one.
- **2 ms** are added to each round trip by a TCP proxy (1 ms each way) before emulator and Redis.
- **kill -9**: all workers die when half of the jobs, of 10 ms, have run, and start again at once. Visibility timeout
  and lease are 10 s. whendue's timer runs beside its workers there, as it does in every deployment.
- **Calls and write units** are counted by a proxy before the emulator, in a run of 500 jobs of their own, from bulk
  submit to result; the reads that a process makes once are included. What PartiQL writes cost is computed from the
  items before and after them by DynamoDB's rules, as the emulator bills no index for them.
- **Layers** are samples of the workers' threads every 4 ms, weighted by the CPU time that each thread has used since
  the last one, in a drain of their own. They are taken inside the process, so mostly where a thread lets go of the
  interpreter: "HTTP" has some of what its callers used.
- **Celery's settings** are the best of three, tried by one drain each: threads with a prefetch of 4 or 20 for each
  thread, or as many processes instead of threads. Long polls follow each other without a pause.
- **As functions** the emulator runs two invocations at once, each with a batch of ten on ten threads."""

SECTIONS = {
    "## Targets": "whendue in containers, listening to one queue as the others do.\n\n",
    "## Missed targets": "",
    "## On one machine, without a network": "",
    "## With 2 ms of network delay": "Functions have their address from the emulator: no proxy is before them.\n\n",
    "## With `kill -9` half way": (
        "whendue takes longer: any of the jobs that ran may be what killed the worker, so it runs them again one at a "
        "time\nand in processes of their own, and no neighbour dies with them (guarantee G10). The others start all of "
        "them\nagain at once.\n\n"
    ),
    "## Calls and write units per job": "From bulk submit to result, failed polls included.\n\n",
    "## Where the workers' CPU goes": "Shares of samples, of the median CPU time of a job.\n\n",
}


def made(results: Mapping[str, Any]) -> str:
    """Describe the run and its machine."""
    machine = results["machine"]
    versions = ", ".join(f"{name} {number}" for name, number in machine["versions"].items())
    settings = "; ".join(
        f"{system['title']}: {system['settings']}" for system in results["systems"].values() if "settings" in system
    )
    few = " **Fewer than the five trials that a conclusion needs.**" if results["trials"] < 5 else ""
    busy = (
        f" **The machine was busy with other work when the run began (load {machine['load']:g}): take ratios only.**"
        if machine["load"] > machine["cores"] / 2
        else ""
    )
    remarks = "".join(f"\n\n**{remark}**" for remark in results.get("remarks", []))
    trials = f"{results['trials']} trial{'s' if results['trials'] > 1 else ''}"
    parts = (
        f"Run of {results['made']}: {trials} of {results['jobs']} jobs, "
        f"{results['processes']} processes of {results['threads']} threads, {results['took_min']:g} minutes."
        f"{few}{busy}\n\n"
        f"Machine: {machine['processor']}, {machine['cores']} cores, {machine['memory_gib']} GiB, {machine['system']}, "
        f"Python {machine['python']}. Versions: {versions}.\n\nSettings chosen: {settings or 'none'}.{remarks}"
    ).split("\n\n")
    return "\n\n".join(wrapped(part) for part in parts)


def wrapped(text: str, indent: str = "") -> str:
    """Wrap a paragraph as the pages are."""
    return textwrap.fill(text, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
