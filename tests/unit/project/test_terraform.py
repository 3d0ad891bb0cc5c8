"""whendue.project.terraform: what a refresh writes, and what it leaves alone."""

import json
import shutil
from pathlib import Path

import pytest

from localstack.paths import ROOT
from whendue.errors import ConfigurationError
from whendue.project import terraform
from whendue.project.scaffold import create, rendered
from whendue.project.terraform import MARK, outdated, refresh


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Return a new project."""
    create(tmp_path / "shop")
    return tmp_path / "shop"


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def refusal(folder: Path, output: str = "infra") -> str:
    before = contents(folder)
    with pytest.raises(ConfigurationError) as raised:
        refresh(folder, output)
    assert contents(folder) == before, "and nothing is written"
    return str(raised.value)


def set_mark(folder: Path, **changed: str) -> None:
    """Change hashes in the mark, as another version would have left them."""
    path = folder / "infra/whendue" / MARK
    mark = json.loads(path.read_text())
    mark["files"] |= changed
    path.write_text(json.dumps(mark))


def test_the_module_is_that_of_this_version_without_a_roots_files(shop: Path) -> None:
    """State, provider and credentials are the root's; tests and examples of variables are this repository's."""
    refresh(shop)
    module = shop / "infra/whendue"
    expected = {
        path.relative_to(ROOT / "infra").as_posix() for path in (ROOT / "infra/terraform").glob("modules/*/*.tf")
    }
    expected |= {f"terraform/{name}.tf" for name in ("functions", "main", "outputs", "variables", "versions")}
    assert set(contents(module)) == expected | {"permissions.yaml", "topology.yaml", "settings.json", MARK}
    assert (module / "terraform/main.tf").read_bytes() == (ROOT / "infra/terraform/main.tf").read_bytes()
    for text in contents(module / "terraform").values():
        assert b"\nprovider " not in text
        assert b"backend " not in text


def test_a_second_run_changes_nothing(shop: Path) -> None:
    """And says so."""
    first = refresh(shop)
    assert first.written
    before = contents(shop)
    again = refresh(shop)
    assert (again.written, again.removed, again.unused) == ([], [], [])
    assert contents(shop) == before


def test_changed_settings_are_written(shop: Path) -> None:
    """And nothing else is; until then the build can see that they are old."""
    assert outdated(shop) == []
    refresh(shop)
    assert outdated(shop) == []
    (shop / "whendue.toml").write_text("[project]\nname = 'other'\n")
    assert outdated(shop) == ["infra"]
    assert refresh(shop).written == ["infra/whendue/settings.json"]
    assert outdated(shop) == []
    assert json.loads((shop / "infra/whendue/settings.json").read_text())["name"] == "other"


def test_old_settings_are_found_in_any_folder(shop: Path) -> None:
    """Of each root, and in none of a virtual environment or of another tool."""
    roots = ["deploy/aws", "infra", "stacks/eu"]
    for root in (*roots, "env/lib", "node_modules/x", ".cache/x"):
        refresh(shop, root)
    (shop / "env/pyvenv.cfg").touch()
    assert outdated(shop) == []
    (shop / "whendue.toml").write_text("[project]\nname = 'other'\n")
    assert outdated(shop) == roots
    refresh(shop, "deploy/aws")
    assert outdated(shop) == ["infra", "stacks/eu"]


def test_the_root_is_written_once(shop: Path) -> None:
    """It is the project's from then on."""
    (shop / "infra/main.tf").write_text("# Mine.\n")
    assert "infra/main.tf" not in refresh(shop).written
    assert (shop / "infra/main.tf").read_text() == "# Mine.\n"
    (shop / "infra/main.tf").rename(shop / "infra/stack.tf")
    refresh(shop)
    assert not (shop / "infra/main.tf").exists(), "also under another name"


def test_the_root_finds_the_build_from_any_folder(shop: Path) -> None:
    """The path is relative, so a checkout elsewhere has it, too."""
    assert refresh(shop, "deploy/aws").written[0] == "deploy/aws/main.tf"
    text = (shop / "deploy/aws/main.tf").read_text()
    assert '"${path.module}/../../.local/build/manifest.json"' in text
    assert (shop / "infra/main.tf").read_text() == rendered("infra/main.tf", name="shop")
    assert "<<" not in text


@pytest.mark.parametrize("name", ["terraform/main.tf", "settings.json", "topology.yaml"])
def test_a_file_that_was_changed_by_hand_is_not_replaced(shop: Path, name: str) -> None:
    """Unless it is asked for; the message has its name."""
    refresh(shop)
    path = shop / "infra/whendue" / name
    expected = path.read_bytes()
    path.write_bytes(expected + b"\n# By hand.\n")
    assert f"infra/whendue: changed by hand: {name}; nothing was written" in refusal(shop)
    assert refresh(shop, force=True).written == [f"infra/whendue/{name}"]
    assert path.read_bytes() == expected


def test_a_file_of_the_project_in_the_way_is_not_replaced(shop: Path) -> None:
    """It has never been written by a refresh."""
    (shop / "infra/whendue").mkdir(parents=True)
    (shop / "infra/whendue/topology.yaml").write_text("mine: true\n")
    assert "changed by hand: topology.yaml" in refusal(shop)


def test_other_files_in_the_folder_stay(shop: Path) -> None:
    """Whatever they are."""
    refresh(shop)
    (shop / "infra/whendue/terraform/mine.tf").write_text("# Mine.\n")
    (shop / "infra/whendue/notes.txt").write_text("Mine.\n")
    assert refresh(shop, force=True).written == []
    assert (shop / "infra/whendue/terraform/mine.tf").read_text() == "# Mine.\n"


def test_files_of_an_earlier_version_are_replaced_or_removed(shop: Path) -> None:
    """As their hashes are known, nobody has changed them."""
    refresh(shop)
    module = shop / "infra/whendue"
    (module / "terraform/main.tf").write_text("# Version 0.\n")
    (module / "terraform/former.tf").write_text("# Version 0.\n")
    digest = terraform._digest(b"# Version 0.\n")
    set_mark(shop, **{"terraform/main.tf": digest, "terraform/former.tf": digest})
    done = refresh(shop)
    assert done.written == ["infra/whendue/terraform/main.tf"]
    assert done.removed == ["infra/whendue/terraform/former.tf"]
    assert not (module / "terraform/former.tf").exists()


def test_a_file_of_an_earlier_version_that_was_changed_by_hand_stays(shop: Path) -> None:
    """A removal is a change, too."""
    refresh(shop)
    (shop / "infra/whendue/terraform/former.tf").write_text("# By hand.\n")
    set_mark(shop, **{"terraform/former.tf": terraform._digest(b"# Version 0.\n")})
    assert "changed by hand: terraform/former.tf" in refusal(shop)


def test_a_file_that_was_removed_is_written_again(shop: Path) -> None:
    """The module does not work without it."""
    refresh(shop)
    (shop / "infra/whendue/terraform/outputs.tf").unlink()
    assert refresh(shop).written == ["infra/whendue/terraform/outputs.tf"]


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"files": []}', '{"files": {"a": 1}}', '{"files": null}', "[" * 50_000]
)
def test_a_mark_that_cannot_be_read_lets_nothing_be_replaced(shop: Path, text: str) -> None:
    """Then it is not known what was changed by hand; files that are as they should be need no mark."""
    refresh(shop)
    mark = shop / "infra/whendue" / MARK
    expected = mark.read_text()
    mark.write_text(text)
    (shop / "infra/whendue/terraform/main.tf").write_text("# Version 0.\n")
    assert "changed by hand: terraform/main.tf;" in refusal(shop)
    assert refresh(shop, force=True).written == ["infra/whendue/terraform/main.tf"]
    assert mark.read_text() == expected


@pytest.mark.parametrize("name", ["../main.tf", "/etc/hosts", "terraform/../../main.tf", ".git/config", ""])
def test_a_mark_cannot_name_a_file_elsewhere(shop: Path, name: str) -> None:
    """It is a file of a repository, which anybody may have written; a refresh would remove what it names."""
    refresh(shop)
    set_mark(shop, **{name: terraform._digest((shop / "infra/main.tf").read_bytes())})
    assert refresh(shop).removed == []
    assert (shop / "infra/main.tf").exists()


def test_a_link_in_the_module_is_replaced_and_not_followed(shop: Path) -> None:
    """Its target is somewhere else."""
    refresh(shop)
    path = shop / "infra/whendue/topology.yaml"
    path.unlink()
    path.symlink_to(shop / "elsewhere")
    (shop / "elsewhere").write_text("mine")
    refresh(shop, force=True)
    assert (shop / "elsewhere").read_text() == "mine"
    assert not path.is_symlink()


def test_a_setting_that_the_root_does_not_hand_over_is_named(shop: Path) -> None:
    """A root of an earlier version knows fewer; the setting would be without effect, silently."""
    root = shop / "infra/main.tf"
    root.write_text(root.read_text().replace("local.settings.vpc", "null"))
    assert refresh(shop).unused == [], "what is not set need not be handed over"
    with (shop / "whendue.toml").open("a") as file:
        file.write("\n[vpc]\nsubnet_ids = ['subnet-1']\nsecurity_group_ids = ['sg-1']\n")
    assert refresh(shop).unused == ["vpc"]


@pytest.mark.parametrize("output", ["..", "/tmp/x", "a/../../b", "", "."])
def test_the_output_is_inside_of_the_project(shop: Path, output: str) -> None:
    """And not the project itself, whose files are no Terraform root."""
    assert "must be a folder inside of the project" in refusal(shop, output)


def test_what_cannot_be_written_is_named(shop: Path) -> None:
    """As a file in the way of the folder."""
    shutil.rmtree(shop / "infra")
    (shop / "infra").write_text("")
    assert "infra" in refusal(shop)


def test_settings_that_are_not_valid_are_refused(shop: Path) -> None:
    """Before anything is written."""
    (shop / "whendue.toml").write_text("[worker]\ntimeout_s = 901\n")
    assert "whendue.toml:2: worker.timeout_s" in refusal(shop)
