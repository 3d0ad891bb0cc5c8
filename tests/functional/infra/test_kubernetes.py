"""The manifests: valid by Kubernetes' own schemas, restricted, and in step with settings, command and image."""

import json
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from localstack.paths import ROOT
from localstack.topology import topology
from localstack.venvs import ensure
from tests.builders.image import COMPOSE, TEXT
from whendue.adapters.auth import AuthSettings
from whendue.cli.processes import API_GRACE_S, API_PORT, GRACE_S
from whendue.containers.health import LIVE, READY
from whendue.declarations.resources import TaskSettings
from whendue.settings import ALL_QUEUES, Settings

OVERLAYS = ("minikube", "production")
SETTINGS = [ROOT / "infra/docker/whendue.env", *(ROOT / "infra/kubernetes/overlays").glob("*/settings.env")]
# The oldest that is still maintained, and the newest that the validator knows.
VERSIONS = ("1.34", "1.37")
# Name -> grace.
OURS = {"api": API_GRACE_S, "worker": GRACE_S, "timer": GRACE_S}
# What the parameter that the settings name would give.
SECRET = "s" * 40

pytestmark = pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")


@cache
def rendered(overlay: str) -> str:
    command = ["kubectl", "kustomize", str(ROOT / "infra/kubernetes/overlays" / overlay)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def resources(overlay: str, kind: str) -> dict[str, dict[str, Any]]:
    """Return an overlay's resources of a kind by name, without the hash that kustomize puts behind generated ones."""
    found = [item for item in yaml.safe_load_all(rendered(overlay)) if item["kind"] == kind]
    return {re.sub(r"-[a-z0-9]{10}$", "", item["metadata"]["name"]): item for item in found}


def pods(overlay: str) -> dict[str, dict[str, Any]]:
    return {name: resource["spec"]["template"]["spec"] for name, resource in resources(overlay, "Deployment").items()}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_resource_is_valid(overlay: str, version: str, tmp_path: Path) -> None:
    """Strictly: a misspelt field fails. KEDA's kinds are its own; Kubernetes has no schema for them."""
    path = tmp_path / "rendered.yaml"
    ours = [item for item in yaml.safe_load_all(rendered(overlay)) if not item["apiVersion"].startswith("keda.sh/")]
    path.write_text(yaml.safe_dump_all(ours))
    command = [str(ensure("containers") / "kubernetes-validate"), "--strict", "-k", version, str(path)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "WARN" not in done.stdout
    assert done.stdout.count("INFO") == len(ours)


@pytest.mark.parametrize("path", SETTINGS, ids=lambda path: path.parent.name)
def test_settings_are_those_that_a_process_reads(path: Path) -> None:
    """A misspelt name would be a default, or a process that does not start."""
    lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    given = dict(line.split("=", 1) for line in lines)
    settings = Settings.from_env(given, lambda _: SECRET)
    assert set(settings.dead_letter_queues) == {"dead_letter", "notifications_dead_letter"}
    assert TaskSettings.from_env(given).own_functions == {f"whendue-{name}" for name in topology().functions}
    assert AuthSettings.from_env(given, lambda _: SECRET).issuer
    code = "".join(file.read_text() for file in (ROOT / "layers").rglob("*.py"))
    # auth.py puts its names together.
    names = [name for name in given if name.startswith("WHENDUE_") and not name.startswith("WHENDUE_JWT_")]
    assert all(f'"{name}"' in code for name in names)
    assert {name for name in given if not name.startswith("WHENDUE_")} <= {
        "AWS_ENDPOINT_URL",
        "AWS_DEFAULT_REGION",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
    }


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_pods_are_given_the_settings_that_the_overlay_makes(overlay: str) -> None:
    """By the name with the hash, so that a change rolls the pods."""
    config = resources(overlay, "ConfigMap")["whendue"]
    assert Settings.from_env(config["data"], lambda _: SECRET).table
    for name in OURS:
        sources = pods(overlay)[name]["containers"][0]["envFrom"]
        assert sources[0]["configMapRef"]["name"] == config["metadata"]["name"]
        assert sources[1]["secretRef"]["name"].startswith("whendue")


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_pod_is_restricted(overlay: str) -> None:
    """What the namespace enforces, and a root file system that is read-only, and limits."""
    for name, pod in pods(overlay).items():
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["automountServiceAccountToken"] is False
        [container] = pod["containers"]
        assert container["securityContext"]["allowPrivilegeEscalation"] is False
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert set(container["resources"]) == {"requests", "limits"}
        if name in OURS:
            assert container["securityContext"]["readOnlyRootFilesystem"] is True
            assert f"USER {pod['securityContext']['runAsUser']}:" in TEXT


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_probes_and_grace_are_those_of_the_command(overlay: str) -> None:
    """A pod gets longer than its process takes, and its probes ask for what the process answers."""
    for name, grace_s in OURS.items():
        pod = pods(overlay)[name]
        [container] = pod["containers"]
        assert container["args"] == [name, "--grace", str(grace_s)]
        before_s = container.get("lifecycle", {"preStop": {"sleep": {"seconds": 0}}})["preStop"]["sleep"]["seconds"]
        assert pod["terminationGracePeriodSeconds"] > before_s + grace_s
        ports = {port["name"]: port["containerPort"] for port in container["ports"]}
        assert ports == {"health": 8080} | ({"http": API_PORT} if name == "api" else {})
        assert f"EXPOSE {API_PORT} {ports['health']}\n" in TEXT
        assert container["livenessProbe"]["httpGet"] == {"path": LIVE, "port": "health"}
        assert container["startupProbe"]["httpGet"] == {"path": LIVE, "port": "health"}
        assert container["readinessProbe"]["httpGet"] == {"path": READY, "port": "health"}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_api_is_reached_at_its_port_and_nothing_else_is(overlay: str) -> None:
    """The Service and the policy name the port that the process listens at."""
    [port] = resources(overlay, "Service")["api"]["spec"]["ports"]
    policy = resources(overlay, "NetworkPolicy")["api"]["spec"]
    assert port["targetPort"] == "http"
    assert policy["ingress"] == [{"ports": [{"port": "http", "protocol": "TCP"}]}]
    assert (
        resources(overlay, "Service")["api"]["spec"]["selector"].items() >= policy["podSelector"]["matchLabels"].items()
    )
    assert resources(overlay, "NetworkPolicy")["whendue"]["spec"].get("ingress", []) == []


def test_production_scales_the_api_by_its_processor_time() -> None:
    """Of a deployment that exists and requests a share of a processor; nothing else sets the number of its pods."""
    scaled = resources("production", "HorizontalPodAutoscaler")["api"]["spec"]
    [metric] = scaled["metrics"]
    assert metric["resource"]["name"] == "cpu"
    deployment = resources("production", "Deployment")[scaled["scaleTargetRef"]["name"]]
    assert "replicas" not in deployment["spec"]
    assert deployment["spec"]["template"]["spec"]["containers"][0]["resources"]["requests"]["cpu"]


def test_every_process_of_ours_has_a_budget_for_disruptions() -> None:
    """A node that is drained takes one pod at a time."""
    assert set(resources("production", "PodDisruptionBudget")) == set(OURS)


def test_the_compose_file_runs_the_same_commands() -> None:
    """With longer to stop than the grace."""
    services = yaml.safe_load(COMPOSE.read_text())["services"]
    for name, grace_s in OURS.items():
        assert services[name]["command"] == [name, "--grace", str(grace_s)]
        assert int(services[name]["stop_grace_period"].removesuffix("s")) > grace_s
        assert services[name]["read_only"] is True
    assert services["api"]["ports"] == [f"127.0.0.1:{API_PORT}:{API_PORT}"]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_selectors_find_their_pods(overlay: str) -> None:
    """A budget, a policy or a service that selects nothing looks as if it did."""
    labels = [
        resource["spec"]["template"]["metadata"]["labels"] for resource in resources(overlay, "Deployment").values()
    ]
    specs = [*resources(overlay, "PodDisruptionBudget").values(), *resources(overlay, "Deployment").values()]
    selected = [spec["spec"]["selector"]["matchLabels"] for spec in specs]
    selected += [resource["spec"]["selector"] for resource in resources(overlay, "Service").values()]
    selected += [resources(overlay, "NetworkPolicy")["whendue"]["spec"]["podSelector"]["matchLabels"]]
    for selector in selected:
        assert any(selector.items() <= label.items() for label in labels), selector


def test_production_scales_with_the_depth_of_every_queue() -> None:
    """Of the queues in its settings; and nothing else sets the number of workers."""
    queues = json.loads(resources("production", "ConfigMap")["whendue"]["data"]["WHENDUE_QUEUES"])
    scaled = resources("production", "ScaledObject")["worker"]["spec"]
    assert [trigger["metadata"]["queueURL"] for trigger in scaled["triggers"]] == [queues[name] for name in ALL_QUEUES]
    assert scaled["scaleTargetRef"]["name"] in resources("production", "Deployment")
    assert "replicas" not in resources("production", "Deployment")["worker"]["spec"]


def test_production_has_a_role_for_its_service_account() -> None:
    """No keys in the cluster."""
    account = resources("production", "ServiceAccount")["whendue"]
    assert account["metadata"]["annotations"]["eks.amazonaws.com/role-arn"].startswith("arn:aws:iam::")
    assert resources("production", "Secret") == {}
