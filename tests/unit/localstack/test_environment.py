"""What `make environment` prints is what a shell takes, whatever the values hold."""

import subprocess
from pathlib import Path

from localstack.environment import for_a_shell, with_tasks
from whendue.manifest.model import read


def test_a_shell_gets_every_value_as_it_is() -> None:
    """Queues are JSON; a secret may hold anything."""
    variables = {"WHENDUE_QUEUES": '{"normal": "http://127.0.0.1/a b"}', "WHENDUE_SECRET": "a'b\"c$d`e\\f", "AWS_X": ""}
    script = f'{for_a_shell(variables)}\nprintf "%s\\n" "$WHENDUE_QUEUES" "$WHENDUE_SECRET" "$AWS_X"'
    shown = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True).stdout
    assert shown.splitlines() == list(variables.values())


def test_direct_mode_knows_the_tasks_of_this_repository(tmp_path: Path) -> None:
    """By a manifest, wherever the program runs."""
    known = with_tasks({"WHENDUE_TABLE": "jobs"}, tmp_path)
    path = Path(known.pop("WHENDUE_TASK_MANIFEST"))
    assert known == {"WHENDUE_TABLE": "jobs"}
    assert read(path).packages == ("functions.worker.tasks",)
