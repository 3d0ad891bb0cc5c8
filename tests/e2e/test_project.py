"""A project outside of this repository: from the wheel to its Terraform plan, in the order in which a user meets it.

`python -m pytest tests/e2e/test_project.py -s`; it builds the wheel and makes a virtual environment in an empty folder
with an empty HOME, so it takes about two minutes. pip's own settings name the index; nothing else is asked. In the
container home there is nothing else to test: these are processes anyway.
"""

import json
import os
import re
import statistics
import subprocess
import sys
import time
import zipfile
from functools import partial
from operator import eq
from pathlib import Path
from shutil import copy
from typing import Any

import pytest

from localstack.paths import ROOT
from tests.builders.waiting import eventually
from tests.e2e import terraform
from tests.e2e.project_session import Session, environment, processes_of, ran, running
from tests.functional.project.wheel import build_wheel

pytestmark = pytest.mark.skipif(
    os.environ.get("WHENDUE_E2E_HOME") == "container", reason="a stack of its own, the same in each home"
)
EDITS = 5
# Small, of Python alone, and nothing that whendue or its development needs.
DEPENDENCY = "inflection==0.5.1"
SLOW = '''"""Tasks that take their time."""

import time

from pydantic import BaseModel

from whendue import task


class Slow(BaseModel):
    """How long."""

    seconds: float
    begun: str


@task("slow.run")
def run(payload: Slow) -> str:
    """Say that it runs, and take its time."""
    with open(payload.begun, "w") as file:
        file.write("begun")
    time.sleep(payload.seconds)
    return "first code"
'''
WRONG = """from whendue import Client


def use(client: Client) -> str:
    client.get_job(7)
    return client.wait_for_job("j")
"""
CHARGE = '''"""Tasks that fail."""

from pydantic import BaseModel

from whendue import task


class Card(BaseModel):
    """Whose."""

    owner: str


@task("cards.charge", max_attempts=2, base_s=1, jitter="none")
def charge(payload: Card) -> None:
    """Fail."""
    raise ValueError(f"the card of {payload.owner} was refused")
'''
# In the folder of no project: the settings are all that it has.
DIRECT = """
from whendue.client import NewJob
from whendue.direct import DirectClient

with DirectClient.from_env("demo") as client:
    print(client.submit_job(NewJob("greetings.send", {"name": "Ida"})).id)
"""
PLURAL = '''"""Tasks about words."""

import inflection
from pydantic import BaseModel

from whendue import task


class Word(BaseModel):
    """One thing."""

    word: str


@task("words.plural")
def plural(payload: Word) -> str:
    """Return the word for several of it."""
    return inflection.pluralize(payload.word)
'''


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an empty folder with a virtual environment that has the wheel, and nothing of this repository."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "home").mkdir()
    wheel = build_wheel(folder)
    subprocess.run([sys.executable, "-m", "venv", str(folder / "venv")], check=True)
    ran(folder, folder, "python", "-m", "pip", "install", "--quiet", f"{wheel}[dev]")
    return folder


def files_of(base: Path) -> dict[str, int]:
    """Return what is installed, with its times, but for what pytest itself compiles."""
    files = (path for path in (base / "venv").rglob("*") if path.is_file() and "-pytest-" not in path.name)
    return {str(path.relative_to(base / "venv")): path.stat().st_mtime_ns for path in files}


def test_a_project_from_the_wheel_to_its_build(base: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What docs/guide/own-project.md promises, in its order, in one folder."""
    assert "shop/whendue.toml" in ran(base, base, "whendue", "new", "shop")
    before = files_of(base)
    with running(base) as session:
        assert session.result("greetings.send", {"name": "Ada"}) == {"greeting": "Hello, Ada!"}
        assert session.http.get("/docs", headers={"Accept": "text/html"}).status_code == 200
        its_link_signs_in(session)
        assert session.http.post("/jobs", json={"type": "greetings.sent", "payload": {}}).status_code == 422
        assert " passed" in ran(base, base / "shop", "pytest", "-q")
        its_code_and_the_examples_are_typed(base)
        with capsys.disabled():
            print(changed_code_is_at_work(session))
        a_running_job_is_kept(session, base)
        a_broken_import_is_shown_and_heals(session)
        a_failed_job_is_shown(session)
        direct_mode_reaches_the_stack(session, base)
        a_queue_is_there_when_the_settings_have_it(session)
        assert files_of(base) == before
        a_dependency_is_one_line(session)
        assert {line.partition("|")[0].strip() for line in session.lines} == {
            "dev", "services", "pip", "worker", "api", "timer",
        }  # fmt: skip
        assert session.end() == 0
    assert processes_of(base) == []
    assert not (base / "shop/.local/dev.env").exists()
    after = files_of(base)
    assert {name: after.get(name) for name in before} == before
    added = after.keys() - before.keys()
    assert added
    assert [name for name in added if "inflection" not in name] == []
    it_is_built_and_its_terraform_written(base)


def its_link_signs_in(session: Session) -> None:
    """The dashboard is in the wheel, and the link of `whendue dev` gives the token once."""
    page, code = session.said(r"Dashboard +(http\S+)").split("#sign-in=")
    text = session.http.get(page).raise_for_status().text
    names = re.findall(r'="\./(assets/[^"]+)"', text)
    assert {session.http.get(f"/{name}").status_code for name in names} == {200}
    header = {"Authorization": f"Code {code}"}
    answers = [session.http.post("/dashboard/sign-in", headers=header) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 401]
    assert answers[0].json()["token"] == session.token


@pytest.mark.skipif(terraform.PROGRAM is None, reason="WHENDUE_E2E_TERRAFORM names no program that plans Terraform")
def test_terraform_plans_that_project(base: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The root that `whendue new` wrote, the module that `whendue terraform` wrote, and what `whendue build` built."""
    manifest = base / "shop/.local/build/manifest.json"
    assert manifest.is_file(), "the test above has not come to its end"
    # As its user has it; what Git ignores is named.
    subprocess.run(["git", "init", "--quiet", str(base / "shop")], check=True)
    built = [manifest, *manifest.parent.glob("*.zip")]
    planned = terraform.plan(base / "shop/infra", built)
    with capsys.disabled():
        print(f"\n{planned}")


def its_code_and_the_examples_are_typed(base: Path) -> None:
    """For `mypy --strict`, which finds the types in the wheel alone: what is wrong is named."""
    samples = base / "samples"
    samples.mkdir()
    for path in [*(ROOT / "examples").glob("*.py"), ROOT / "examples/from_celery/after/shop.py"]:
        copy(path, samples)
    assert mypy(base, base / "shop") == []
    assert mypy(base, samples) == []
    (samples / "wrong.py").write_text(WRONG)
    assert [error.partition(": ")[0] for error in mypy(base, samples)] == ["wrong.py:5", "wrong.py:6"]


def mypy(base: Path, folder: Path) -> list[str]:
    """Return the errors of a folder, as somebody finds them who has installed whendue; boto3 brings no types."""
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(base / "mypy"), "--no-error-summary"]
    command += ["--disable-error-code", "import-untyped", "--python-executable", str(base / "venv/bin/python"), "."]
    done = subprocess.run(command, cwd=folder, env=environment(base), check=False, capture_output=True, text=True)
    return (done.stdout + done.stderr).splitlines()


def changed_code_is_at_work(session: Session) -> str:
    """Return how long it took, for people: how busy the machine is changes it."""
    source = session.folder / "tasks/greetings.py"
    original = source.read_text()
    took = []
    for number in range(EDITS):
        wanted = f"Hello {number}, "
        began = time.perf_counter()
        source.write_text(original.replace("Hello, ", wanted))
        while session.result("greetings.send", {"name": "Ada"}) != {"greeting": f"{wanted}Ada!"}:
            pass
        took.append(time.perf_counter() - began)
    source.write_text(original)
    each = [round(took_s, 2) for took_s in took]
    busy = f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors"
    return f"\nfrom save to first result: median {statistics.median(took):.2f} s of {each}, {busy}"


def a_running_job_is_kept(session: Session, base: Path) -> None:
    (session.folder / "tasks/slow.py").write_text(SLOW)
    session.said(r"(tasks: greetings.send, slow.run)")
    begun = base / "begun"
    job = eventually(lambda: submitted(session, "slow.run", {"seconds": 6, "begun": str(begun)}))
    eventually(begun.exists)
    since = len(session.lines)
    (session.folder / "tasks/slow.py").write_text(SLOW.replace("first code", "second code"))
    session.said(r"(new code at work)", since)
    assert session.result("greetings.send", {"name": "Bob"}) == {"greeting": "Hello, Bob!"}
    assert session.http.get(f"/jobs/{job}").json()["state"] == "running"
    ended = session.ended(job)
    assert (ended["result"], len(ended["attempts"])) == ("first code", 1), ended


def submitted(session: Session, kind: str, payload: Any) -> str:
    """Submit once the API knows the task, too."""
    reply = session.http.post("/jobs", json={"type": kind, "payload": payload})
    return str(reply.json()["id"]) if reply.status_code == 202 else ""


def a_broken_import_is_shown_and_heals(session: Session) -> None:
    source = session.folder / "tasks/slow.py"
    since = len(session.lines)
    source.write_text(f"{SLOW}\nimport no_such_module\n")
    session.said(r"(worker +\| ERROR tasks.slow cannot be imported)", since)
    session.said(r"(worker +\| +import no_such_module\n)", since)
    session.said(r"(worker +\| ModuleNotFoundError: No module named 'no_such_module')", since)
    session.said(r"(new code at work)", since)
    assert session.result("greetings.send", {"name": "Eve"}) == {"greeting": "Hello, Eve!"}
    since = len(session.lines)
    source.write_text(SLOW)
    session.said(r"(tasks: greetings.send, slow.run)", since)
    begun = session.folder.parent / "begun-again"
    job = eventually(lambda: submitted(session, "slow.run", {"seconds": 0, "begun": str(begun)}))
    assert session.ended(job)["state"] == "succeeded"


def a_failed_job_is_shown(session: Session) -> None:
    """Which one, why and where; requests that succeed are not shown."""
    source = session.folder / "tasks/cards.py"
    source.write_text(CHARGE)
    session.said(r"(tasks: cards.charge, )")
    since = len(session.lines)
    job = eventually(lambda: submitted(session, "cards.charge", {"owner": "Eve"}))
    facts = rf"task=cards.charge job={job} attempt={{}} max_attempts=2 error_type=ValueError "
    facts += r"error=the card of Eve was refused where=tasks.cards:charge:17"
    session.said(rf"(worker +\| WARNING attempt failed {facts.format(1)})", since)
    session.said(rf"(worker +\| ERROR job dead {facts.format(2)})", since)
    assert not [line for line in session.lines if "request status=2" in line]
    assert session.http.get("/jobs/nothing").status_code == 404
    session.said(r"(api +\| request status=404 )", since)
    source.unlink()
    session.said(r"(tasks: greetings.send, slow.run\n)", since)


def a_queue_is_there_when_the_settings_have_it(session: Session) -> None:
    """Without another start; with the properties that it has then, and gone when they leave it out."""
    file, greeting = session.folder / "whendue.toml", {"type": "greetings.send", "payload": {"name": "Joan"}}
    before = file.read_text()
    for timeout_s in (20, 300):
        file.write_text(f"{before}\n[queues.tiny]\ntimeout_s = {timeout_s}\n")
        eventually(lambda: longest_of(session, "tiny"), partial(eq, timeout_s - 3))
    sent = session.http.post("/jobs", json={**greeting, "queue": "tiny"})
    assert sent.status_code == 202
    assert session.ended(sent.json()["id"])["queue"] == "tiny"
    file.write_text(before)
    eventually(lambda: longest_of(session, "tiny") is None)


def longest_of(session: Session, queue: str) -> int | None:
    """Return how long an attempt may take in a queue, seconds; None if there is none of this name."""
    queues = session.http.get("/queues").json()["items"]
    return next((item["timeoutSeconds"] for item in queues if item["name"] == queue), None)


def direct_mode_reaches_the_stack(session: Session, base: Path) -> None:
    """With no more than the settings that are in a file of their owner."""
    settings = session.folder / ".local/dev.env"
    assert settings.stat().st_mode & 0o777 == 0o600
    eventually((session.folder / ".local/whendue_tasks.json").is_file)
    script = f'. {settings}; exec {base / "venv/bin/python"} -c "$0"'
    done = subprocess.run(
        ["sh", "-c", script, DIRECT], cwd=base, env=environment(base), check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert session.ended(done.stdout.strip())["result"] == {"greeting": "Hello, Ida!"}


def a_dependency_is_one_line(session: Session) -> None:
    """A line that pip cannot install changes nothing; the one that it can is at work without another command."""
    required = session.folder / "requirements.txt"
    original = required.read_text()
    since = len(session.lines)
    required.write_text(f"{original}./no-such-wheel.whl\n")
    session.said(r"(ERROR requirements.txt: pip has failed)", since)
    assert session.result("greetings.send", {"name": "Eve"}) == {"greeting": "Hello, Eve!"}
    (session.folder / "tasks/words.py").write_text(PLURAL)
    session.said(r"(worker +\| ModuleNotFoundError: No module named 'inflection')", since)
    session.said(r"(new code at work)", since)
    since = len(session.lines)
    required.write_text(f"{original}{DEPENDENCY}\n")
    session.said(r"(tasks: greetings.send, slow.run, words.plural)", since)
    job = eventually(lambda: submitted(session, "words.plural", {"word": "box"}))
    assert session.ended(job)["result"] == "boxes"


def it_is_built_and_its_terraform_written(base: Path) -> None:
    """What the wheel carries is all that both need, with pip's own index; what tasks import is packed, or refused."""
    lacking = base / "shop/tasks/lacking.py"
    lacking.write_text("from whendue import Client\n")
    refused = subprocess.run(
        [base / "venv/bin/whendue", "build"], cwd=base / "shop", env=environment(base), capture_output=True, check=False
    )
    assert refused.returncode == 2
    assert b"functions do not have whendue.client" in refused.stderr
    lacking.unlink()
    built = json.loads(ran(base, base / "shop", "whendue", "build", "--json"))
    folder = base / "shop/.local/build"
    assert all((folder / name).is_file() for name in built["zips"])
    manifest = json.loads(Path(built["manifest"]).read_text())
    assert "python/inflection.py" in names_in(folder / manifest["layers"]["project"])
    assert "tasks/words.py" in names_in(folder / manifest["functions"]["worker"])
    written = ran(base, base / "shop", "whendue", "terraform")
    assert "infra/whendue/terraform/main.tf" in written.splitlines()


def names_in(path: Path) -> list[str]:
    with zipfile.ZipFile(path) as archive:
        return archive.namelist()
