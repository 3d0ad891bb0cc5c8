"""infra/docker, as it is read by its tests."""

from localstack.paths import ROOT

DOCKERFILE = ROOT / "infra/docker/Dockerfile"
COMPOSE = ROOT / "infra/docker/compose.yml"
TEXT = DOCKERFILE.read_text()
