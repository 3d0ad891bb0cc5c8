"""clients/typescript: what can be checked of the package without npm; `make clients` checks the rest."""

import json
import re
from typing import Any

from localstack.paths import ROOT
from whendue.version import VERSION

PACKAGE = ROOT / "clients/typescript"
TOOLS = ROOT / "api"


def manifest(name: str) -> Any:
    return json.loads((PACKAGE / name).read_text())


def test_both_clients_have_the_same_version() -> None:
    """A user who reads a version of the docs installs this version of the client."""
    locked = manifest("package-lock.json")
    assert {manifest("package.json")["version"], locked["version"], locked["packages"][""]["version"]} == {VERSION}


def test_the_lock_names_no_registry_and_has_a_hash_of_each_package() -> None:
    """It is installed from whichever registry npm is set to, and must be the same there."""
    packages = {name: package for name, package in manifest("package-lock.json")["packages"].items() if name}
    assert packages
    assert [name for name, package in packages.items() if "resolved" in package or "integrity" not in package] == []
    assert (PACKAGE / ".npmrc").read_text() == (TOOLS / ".npmrc").read_text()


def test_the_generator_is_that_of_the_tools() -> None:
    """Two versions of it would be two opinions about the same document."""
    wanted = manifest("package.json")
    known = json.loads((TOOLS / "package.json").read_text())["dependencies"]
    used = wanted["dependencies"] | wanted["devDependencies"]
    shared = used.keys() & known.keys()
    assert shared == {"openapi-fetch", "openapi-typescript", "typescript"}
    assert {name: used[name] for name in shared} == {name: known[name] for name in shared}


def test_the_licence_is_that_of_the_repository() -> None:
    """Npm packs only what is in the package's folder."""
    assert (PACKAGE / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()


def test_modules_import_only_each_other_and_the_one_library() -> None:
    """An import of Node.js would break browsers."""
    modules = sorted((PACKAGE / "src").glob("*.ts"))
    imported = re.compile(r'^(?:import|export|\})[^;"]* from "([^"]+)";$', re.MULTILINE)
    texts = [path.read_text() for path in modules]
    found = {name for text in texts for name in imported.findall(text)}
    assert not any("import(" in text or "require(" in text for text in texts)
    assert found - {f"./{path.stem}.js" for path in modules} == {"openapi-fetch"}
