"""Deploy a whole stack from infra/topology.yaml to an emulator; safe to repeat, parts are made or updated."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from localstack.build import Target, build
from localstack.deploy import ses
from localstack.deploy.api import deploy_api
from localstack.deploy.clients import Clients
from localstack.deploy.functions import Environment, deploy_functions
from localstack.deploy.mail import verify_senders
from localstack.deploy.storage import JOBS_DEAD_LETTER, deploy_bucket, deploy_queues, deploy_table
from localstack.deploy.triggers import connect_queue, connect_schedule
from localstack.stack import REGION, Stack
from localstack.steps import step
from localstack.topology import Queues, own_queues, own_workers, topology


@dataclass(frozen=True, slots=True)
class Services:
    """What functions and processes alike work on.

    Args:
        addresses: of table, bucket and queues.
        arns: of the queues, own ones among them, by name.
        variables: the `WHENDUE_*` variables of every function or process.
    """

    addresses: Environment
    arns: dict[str, str]
    variables: dict[str, str]


def deploy_services(
    clients: Clients, prefix: str, *, environment: Mapping[str, str], queues: Queues | None = None
) -> Services:
    """Deploy table, bucket and queues, and verify the senders of mails.

    Args:
        clients: of the emulator.
        prefix: begins every name.
        environment: `WHENDUE_*` variables besides the addresses.
        queues: other queue settings than the topology's.
    """
    plan = topology()
    wanted = queues or plan.queues
    table = deploy_table(clients, f"{prefix}-jobs", plan.table)
    bucket = deploy_bucket(clients, f"{prefix}-payloads", plan.bucket)
    own_of_user = own_queues(plan, environment)
    urls, dead_urls, arns = deploy_queues(clients, prefix, wanted, own_of_user)
    own = [f"{prefix}-{name}" for name in (*plan.functions, *own_workers(plan, own_of_user))]
    addresses = Environment(table, bucket, urls, dead_urls, wanted.visibility_s, own)
    bound = {"WHENDUE_MAX_TIMEOUT_S": str(plan.max_timeout_s), "WHENDUE_SHARDS": str(plan.due_index.shards)}
    variables = bound | ses.variables(clients) | dict(environment) | addresses.variables()
    if own_of_user:
        variables["WHENDUE_OWN_QUEUES"] = json.dumps({name: asdict(queue) for name, queue in own_of_user.items()})
    verify_senders(clients, variables)
    return Services(addresses, arns, variables)


def deploy(
    endpoint_url: str,
    prefix: str = "whendue",
    *,
    environment: Mapping[str, str],
    api_flavor: str | None = None,
    queues: Queues | None = None,
    schedule_timer: bool = True,
    feed: bool = True,
    extra_tasks: Path | None = None,
    target: Target = "local",
) -> Stack:
    """Deploy a stack.

    Args:
        endpoint_url: the emulator.
        prefix: begins every name, so that several stacks live side by side.
        environment: `WHENDUE_*` variables of the functions besides the addresses; the JWT settings at least.
        api_flavor: `http` or `rest` instead of the topology's.
        queues: other queue settings than the topology's.
        schedule_timer: let the timer tick by itself.
        feed: let the queues start functions; not where workers run in containers.
        extra_tasks: a folder of further task files.
        target: where the emulator runs functions: `local` processes, or in a `container`.

    Raises:
        botocore.exceptions.ClientError: the emulator refused something.
    """
    plan = topology()
    clients = Clients(endpoint_url)
    step("Building what has changed of layers and functions")
    built = build(target, extra_tasks)
    step("Deploying table, bucket and queues")
    services = deploy_services(clients, prefix, environment=environment, queues=queues)
    step("Deploying functions, and the API")
    names = deploy_functions(clients, prefix, plan, built, services.variables)
    for trigger in (plan.triggers.worker, plan.triggers.notifier, plan.triggers.dead_letter) if feed else ():
        concurrency = min(trigger.maximum_concurrency, plan.local.maximum_concurrency)
        for queue in trigger.queues:
            connect_queue(clients, names[trigger.function], services.arns[queue], trigger.batch_size, concurrency)
    for queue, settings in own_queues(plan, environment).items() if feed else ():
        concurrency = min(settings.maximum_concurrency, plan.local.maximum_concurrency)
        connect_queue(clients, names[f"worker-{queue}"], services.arns[queue], settings.batch_size, concurrency)
    connect_schedule(clients, f"{prefix}-tick", names["timer"], plan.triggers.timer.every, enabled=schedule_timer)
    api_url = deploy_api(clients, prefix, names["api"], api_flavor or plan.api.flavor, plan.api)
    return Stack(
        api_url=api_url,
        dashboard_url=f"{api_url}/",
        aws_endpoint_url=endpoint_url,
        region=REGION,
        table=services.addresses.table,
        bucket=services.addresses.bucket,
        queues=services.addresses.queues,
        dead_letter_queue=services.addresses.dead_letter_queues[JOBS_DEAD_LETTER],
        functions=names,
    )
