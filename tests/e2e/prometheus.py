"""A real Prometheus on loopback, configured as infra/monitoring says, that scrapes a stack."""

import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import yaml

from localstack import token
from localstack.emulator import free_port
from tests.builders.monitoring import MONITORING
from tests.builders.waiting import eventually
from tests.e2e.stage import Stage


class Prometheus:
    """Answers queries."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def ask(self, query: str) -> dict[Mapping[str, str], float]:
        """Return a query's samples: labels -> value."""
        reply = self._client.get("/api/v1/query", params={"query": query})
        assert reply.status_code == 200, f"{query}: {reply.text}"
        result = reply.json()["data"]["result"]
        return {_Labels(sample["metric"]): float(sample["value"][1]) for sample in result}

    def number(self, query: str) -> float | None:
        """Return the one value of a query, None while there is none."""
        return next(iter(self.ask(query).values()), None)

    def alerts(self) -> list[str]:
        """Name the alerting rules that it has loaded and could evaluate."""
        groups = self._client.get("/api/v1/rules").json()["data"]["groups"]
        return [rule["name"] for group in groups for rule in group["rules"] if rule["health"] == "ok"]


class _Labels(dict[str, str]):
    def __hash__(self) -> int:  # type: ignore[override]
        return hash(frozenset(self.items()))


def configuration(stage: Stage, folder: Path) -> Path:
    """Return the shipped configuration with this stack's address and a token for it."""
    shutil.copytree(MONITORING / "prometheus", folder, dirs_exist_ok=True)
    (folder / "token").write_text(token.make("monitoring", "metrics:read", stage.secret))
    path = folder / "prometheus.yml"
    config: dict[str, Any] = yaml.safe_load(path.read_text())
    url = urlsplit(stage.stack.api_url)
    [scrape] = config["scrape_configs"]
    scrape |= {
        "scheme": url.scheme,
        "metrics_path": f"{url.path}{scrape['metrics_path']}",
        "static_configs": [{"targets": [url.netloc]}],
    }
    config["global"]["evaluation_interval"] = "1s"
    path.write_text(yaml.safe_dump(config))
    return path


@contextmanager
def scraping(stage: Stage, folder: Path) -> Iterator[Prometheus]:
    """Run Prometheus for the length of a block."""
    program = shutil.which("prometheus")
    if not program:
        pytest.skip("Prometheus is not here: apt-get install prometheus")
    address = f"127.0.0.1:{free_port()}"
    command = [
        program,
        f"--config.file={configuration(stage, folder)}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={address}",
    ]
    with (folder / "log").open("wb") as log, httpx.Client(base_url=f"http://{address}", timeout=10) as client:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        try:
            eventually(lambda: _ready(client, process, folder))
            yield Prometheus(client)
        finally:
            process.terminate()
            process.wait(20)


def _ready(client: httpx.Client, process: "subprocess.Popen[bytes]", folder: Path) -> bool:
    assert process.poll() is None, (folder / "log").read_text()
    try:
        return client.get("/-/ready").is_success
    except httpx.TransportError:
        return False
