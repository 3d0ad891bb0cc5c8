"""`whendue new`, `dev`, `build` and `terraform` as commands."""

import json
from pathlib import Path

import pytest

from tests.functional.cli.command_line import ended
from whendue.cli.failures import ExitCode
from whendue.project.build import Built
from whendue.project.scaffold import create


def test_new_lists_what_it_has_written(tmp_path: Path) -> None:
    """And what to do next."""
    folder = tmp_path / "shop"
    done = ended("new", str(folder))
    assert done.code == 0, done.err
    assert f"{folder}/whendue.toml" in done.out.splitlines()
    assert done.out.splitlines()[-1] == f"Next: cd {folder} && whendue dev"


def test_new_writes_json_for_programs(tmp_path: Path) -> None:
    """One document."""
    done = ended("new", str(tmp_path / "shop"), "--json")
    assert json.loads(done.out)["folder"] == str(tmp_path / "shop")
    assert "tasks/greetings.py" in json.loads(done.out)["files"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("new", "Shop"),
        ("new", "."),
        ("new",),
        ("dev", "--folder", "nowhere"),
        ("build", "--folder", "nowhere"),
        ("build", "--architecture", "mips"),
        ("terraform", "--folder", "nowhere"),
    ],
)
def test_what_cannot_be_is_a_usage_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    """In a line, and nothing is written."""
    monkeypatch.chdir(tmp_path)
    done = ended(*arguments)
    assert (done.code, done.out, "Traceback" in done.err) == (ExitCode.USAGE, "", False)
    assert list(tmp_path.iterdir()) == []


def test_terraform_lists_what_it_has_written(tmp_path: Path) -> None:
    """And a second run nothing."""
    create(tmp_path / "shop")
    done = ended("terraform", "--folder", str(tmp_path / "shop"))
    assert done.code == 0, done.err
    assert "infra/whendue/terraform/main.tf" in done.out.splitlines()
    again = ended("terraform", "--folder", str(tmp_path / "shop"), "--json")
    assert json.loads(again.out) == {"written": [], "removed": [], "unused": []}
    assert ended("terraform", "--folder", str(tmp_path / "shop")).out == "infra: current\n"


def test_terraform_replaces_what_was_changed_by_hand_if_it_is_asked_to(tmp_path: Path) -> None:
    """Otherwise it is a usage problem, in one line."""
    create(tmp_path / "shop")
    folder = str(tmp_path / "shop")
    ended("terraform", "--folder", folder)
    (tmp_path / "shop/infra/whendue/topology.yaml").write_text("x: 1\n")
    refused = ended("terraform", "--folder", folder)
    assert (refused.code, refused.out) == (ExitCode.USAGE, "")
    assert "changed by hand: topology.yaml" in refused.err
    assert ended("terraform", "--folder", folder, "--force").out == "infra/whendue/topology.yaml\n"


def test_terraform_notes_a_setting_without_effect(tmp_path: Path) -> None:
    """With the line that hands it over."""
    create(tmp_path / "shop")
    (tmp_path / "shop/infra/main.tf").write_text("# Mine.\n")
    done = ended("terraform", "--folder", str(tmp_path / "shop"))
    assert "add `name = local.settings.name`" in done.err


def test_build_lists_what_it_has_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With sizes; and notes that Terraform does not have the settings yet (tests/functional/project builds)."""
    create(tmp_path / "shop")
    for output in ("infra", "deploy/aws"):
        ended("terraform", "--folder", str(tmp_path / "shop"), "--output", output)
    (tmp_path / "shop/whendue.toml").write_text("[project]\nname = 'other'\n")
    made = Built(tmp_path / "manifest.json", {"core.zip": 1_572_864}, 200 * 1024**2)
    monkeypatch.setattr("whendue.project.build.run", lambda *_, **__: made)
    done = ended("build", "--folder", str(tmp_path / "shop"))
    # In the unit of Lambda's limit.
    assert done.out.splitlines()[:2] == [
        "   1.50 MB  core.zip",
        " 200.00 MB  unzipped, of the worker; Lambda takes 250 MB",
    ]
    assert "ran; run `whendue terraform` before you plan" in done.err
    assert "ran; run `whendue terraform --output deploy/aws` before you plan" in done.err
    reply = json.loads(ended("build", "--folder", str(tmp_path / "shop"), "--json").out)
    assert reply == {"manifest": str(made.manifest), "zips": made.zips, "unzippedBytes": made.unzipped_bytes}
