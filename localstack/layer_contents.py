"""What of the installed requirements goes into the layer: what runs, and the licences of it."""

import re
from collections.abc import Iterable

from localstack.topology import topology

# Tests of packages, type stubs, and examples that only botocore's documentation reads.
_NEVER_RUN = re.compile(r"(^|/)(__pycache__|tests)/|\.pyi$|/examples-1\.json$|^boto3/examples/|^bin/")
_METADATA = re.compile(r"^(?P<package>[^/]+)-[^/-]+\.dist-info/(?P<file>.+)$")
_LICENCE = re.compile(r"(^|/)(LICEN[CS]E|NOTICE|COPYING|AUTHORS)[^/]*$", re.IGNORECASE)
# A folder is a service's description; a file is about all services.
_SERVICE = re.compile(r"^(?:botocore|boto3)/data/(?P<service>[^/]+)/")
# What credentials may come from, whatever is called with them: botocore/credentials.py, botocore/tokens.py.
_CREDENTIALS = frozenset({"signin", "sso", "sso-oidc", "sts"})


def kept(names: Iterable[str], further: Iterable[str] = ()) -> dict[str, str]:
    """Choose what goes into the layer, and where: installed path -> path in the layer.

    pip's metadata is left out but for its licences, which are put together under `licenses/`: nothing in the layer
    reads it as it starts (tests/functional/localstack/test_build.py). Of boto3 and botocore, the services in
    infra/topology.yaml stay.

    Args:
        names: installed paths.
        further: boto3's names of more services that stay.
    """
    services = _CREDENTIALS | {*topology().layers["dependencies"].aws_services, *further}
    chosen = {name: _target(name, services) for name in names}
    return {name: target for name, target in chosen.items() if target is not None}


def _target(name: str, services: frozenset[str]) -> str | None:
    if _NEVER_RUN.search(name):
        return None
    if metadata := _METADATA.match(name):
        return f"licenses/{metadata['package']}/{metadata['file']}" if _LICENCE.search(name) else None
    described = _SERVICE.match(name)
    return None if described and described["service"] not in services else name
