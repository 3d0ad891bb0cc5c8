"""`whendue schedules` on the real API, and on files without one."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.functional.cli.command_line import CommandLine, ended, put

JOB = {"type": "ok"}
BERLIN = {"name": "nightly", "cron": "30 2 * * *", "timezone": "Europe/Berlin", "job": JOB}


def file(folder: Path, name: str, *schedules: Any) -> str:
    path = folder / name
    path.write_text(json.dumps(schedules))
    return str(path)


def test_list_and_preview(whendue: CommandLine) -> None:
    """The next fires, in UTC and in the schedule's zone."""
    put(whendue, "nightly", cron="30 2 * * *", timezone="Europe/Berlin")
    [schedule] = whendue("schedules", "list", "--json").lines
    assert (schedule["name"], schedule["cron"], schedule["every"]) == ("nightly", "30 2 * * *", None)
    assert "30 2 * * *" in whendue("schedules", "list").out
    fires = whendue("schedules", "preview", "nightly", "--count", "3", "--json").lines
    assert len(fires) == 3
    assert fires[0]["local"].endswith("02:30:00+01:00")
    at = ["--count", "1", "--from", "2031-03-30T00:00:00Z"]
    [later] = whendue("schedules", "preview", "nightly", *at, "--json").lines
    assert later["note"] == "moved_out_of_gap"
    assert whendue("schedules", "preview", "none").code == 5
    assert whendue("schedules", "preview").code == 2


def test_a_file_is_previewed_without_a_deployment(tmp_path: Path) -> None:
    """By the engine of the deployment itself."""
    path = file(tmp_path, "new.json", BERLIN, {"name": "often", "every": "PT12H"})
    done = ended("schedules", "preview", "--file", path, "--from", "2026-03-28T00:00:00Z", "--count", "2", "--json")
    assert [(fire["name"], fire["nominalAt"], fire["note"]) for fire in done.lines] == [
        ("nightly", "2026-03-28T01:30:00.000Z", None),
        ("nightly", "2026-03-29T01:00:00.000Z", "moved_out_of_gap"),
        ("often", "2026-03-28T00:00:00.000Z", None),
        ("often", "2026-03-28T12:00:00.000Z", None),
    ]
    assert ended("schedules", "preview", "other", "--file", path).code == 2


def test_diff_of_two_files(tmp_path: Path) -> None:
    """Exit code 1 if a fire is added or removed, 0 if none is."""
    old = file(tmp_path, "old.json", {"name": "a", "cron": "0 3 * * *"}, {"name": "b", "cron": "0 4 * * *"})
    new = file(tmp_path, "new.json", {"name": "a", "cron": "0 3 * * 1-5"}, {"name": "c", "cron": "0 5 1 1 *"})
    window = ["--from", "2026-11-23T00:00:00Z", "--for", "7d"]
    done = ended("schedules", "diff", old, new, *window, "--json")
    assert done.code == 1
    assert done.json["from"] == "2026-11-23T00:00:00.000Z"
    several = file(tmp_path, "several.json", {"name": "a", "crons": ["0 3 * * 1-3", "0 3 * * 3-7"]})
    assert ended("schedules", "diff", several, old, *window, "--json").json["differences"][0]["name"] == "b"
    changes = {each["name"]: each for each in done.json["differences"]}
    assert changes["a"]["removed"] == ["2026-11-28T03:00:00.000Z", "2026-11-29T03:00:00.000Z"]
    assert (changes["a"]["change"], changes["a"]["added"], changes["a"]["complete"]) == ("changed", [], True)
    assert (changes["b"]["change"], len(changes["b"]["removed"])) == ("removed", 7)
    assert (changes["c"]["change"], changes["c"]["added"]) == ("added", [])
    assert "  - 2026-11-28T03:00:00.000Z\n" in ended("schedules", "diff", old, new, *window).out
    same = ended("schedules", "diff", old, old, *window, "--json")
    assert (same.code, same.json["differences"]) == (0, [])


def test_diff_against_the_deployment(whendue: CommandLine, tmp_path: Path) -> None:
    """What `list` writes is a file that differs in nothing, and an interval keeps its phase when it is put again."""
    put(whendue, "often", every="PT17M")
    put(whendue, "nightly", cron="30 2 * * *")
    listed = tmp_path / "listed.ndjson"
    listed.write_text(whendue("schedules", "list", "--json").out)
    assert whendue("schedules", "diff", str(listed)).code == 0
    wanted = file(tmp_path, "new.json", {"name": "often", "every": "PT17M"}, {"name": "nightly", "cron": "30 2 * * *"})
    assert whendue("schedules", "diff", wanted).code == 0
    other = file(tmp_path, "other.json", {"name": "nightly", "cron": "31 2 * * *"})
    done = whendue("schedules", "diff", other, "--json")
    changes = {each["name"]: each["change"] for each in done.json["differences"]}
    assert (done.code, changes) == (1, {"often": "removed", "nightly": "changed"})


def test_diff_names_clock_changes_and_crowded_minutes(tmp_path: Path) -> None:
    """Of the new schedules, in the window."""
    crowd = [{"name": f"s{number}", "cron": "0 0 * * *"} for number in range(3)]
    new = file(tmp_path, "new.json", BERLIN, BERLIN | {"name": "hourly", "cron": "30 * * * *"}, *crowd)
    window = ["--from", "2026-03-28T00:00:00Z", "--for", "2d", "--crowd", "3"]
    done = ended("schedules", "diff", new, new, *window, "--json")
    assert done.code == 0
    assert [(each["name"], each["note"]) for each in done.json["oddities"]] == [
        ("hourly", "skipped_in_gap"),
        ("nightly", "moved_out_of_gap"),
    ]
    assert done.json["oddities"][0]["local"] == "2026-03-29T02:30:00"
    assert [(crowd["at"], crowd["fires"]) for crowd in done.json["crowdedMinutes"]] == [
        ("2026-03-28T00:00:00.000Z", 3),
        ("2026-03-29T00:00:00.000Z", 3),
    ]
    assert (
        "crowded  2026-03-28T00:00:00.000Z: 3 fires of s0, s1, s2\n"
        in ended("schedules", "diff", new, new, *window).out
    )


def test_lint_names_every_schedule_that_is_not_valid(tmp_path: Path) -> None:
    """All of them at once, and nothing of a deployment is asked."""
    path = file(
        tmp_path, "f.json", {"name": "a", "cron": "61 * * * *"}, {"cron": "* * * * *"}, {"name": "b", "every": 5}
    )
    done = ended("schedules", "lint", path, "--json")
    assert done.code == 1
    assert [problem.split(":")[0] for problem in done.json["problems"]] == ["a", "schedule 2", "b"]
    fine = file(tmp_path, "fine.json", {"name": "a", "cron": "0 12 * * *"})
    assert ended("schedules", "lint", fine).out == "1 schedules, nothing found\n"
    assert ended("schedules", "lint", fine).code == 0
    assert ended("schedules", "lint", file(tmp_path, "odd.json", BERLIN), "--from", "2026-01-01T00:00:00Z").code == 1


@pytest.mark.parametrize(
    "text", ["", "{", "[" * 100_000, "\xff", '[{"name": "a"}]', "[1]", '[{"name": "a", "cron": "0 0 30 2 *"}]', "null"]
)
def test_a_file_that_is_none_is_named(tmp_path: Path, text: str) -> None:
    """With exit code 2 and one line."""
    path = tmp_path / "odd.json"
    path.write_text(text, encoding="latin-1")
    fine = file(tmp_path, "fine.json", {"name": "a", "cron": "0 12 * * *"})
    done = ended("schedules", "diff", fine, str(path))
    if text:
        assert (done.code, done.out) == (2, "")
        assert str(path) in done.err
    else:
        # An empty file has no schedules.
        assert done.code == 1


def test_windows_are_bounded(tmp_path: Path) -> None:
    """Work is."""
    fine = file(tmp_path, "fine.json", {"name": "a", "cron": "* * * * * *"})
    assert ended("schedules", "lint", fine, "--for", "367d").code == 2
    assert ended("schedules", "diff", fine, fine, fine).code == 2
    done = ended("schedules", "lint", fine, "--from", "2026-01-01T00:00:00Z", "--crowd", "61", "--json")
    assert (done.code, done.json["incomplete"]) == (0, ["a"])
    many = file(tmp_path, "many.json", *({"name": str(number), "cron": "0 0 1 1 *"} for number in range(1001)))
    assert ended("schedules", "lint", many).code == 2


def test_what_decides_when_a_schedule_fires_is_known_without_a_deployment(tmp_path: Path) -> None:
    """Weeks, closed times of day and a maximum of runs: in a preview, a difference and a check."""
    every = {"name": "payday", "cron": "0 9,23 * * MON", "timezone": "Europe/Berlin", "everyWeeks": 2}
    wanted = every | {"anchor": "2026-03-23", "exclude": ["22:00/06:00"], "maxRuns": 2, "jitterPer": "fire"}
    path = file(tmp_path, "new.json", wanted)
    window = ["--from", "2026-03-23T00:00:00Z"]
    done = ended("schedules", "preview", "--file", path, *window, "--json")
    assert [fire["local"] for fire in done.lines] == ["2026-03-23T09:00:00+01:00", "2026-04-06T09:00:00+02:00"]
    old = file(tmp_path, "old.json", wanted | {"maxRuns": 1, "exclude": []})
    [change] = ended("schedules", "diff", old, path, *window, "--for", "60d", "--json").json["differences"]
    assert (change["added"], change["removed"]) == (["2026-04-06T07:00:00.000Z"], [])
    broken = file(tmp_path, "broken.json", wanted | {"anchor": None}, wanted | {"name": "b", "exclude": ["22:00"]})
    problems = ended("schedules", "lint", broken, *window, "--json").json["problems"]
    assert [problem.split(":")[:2] for problem in problems] == [["payday", " anchor"], ["b", " exclude.0"]]


def test_runs_that_a_deployed_schedule_has_had_count_in_a_difference(whendue: CommandLine, tmp_path: Path) -> None:
    """Putting it again goes on counting."""
    put(whendue, "few", cron="0 3 * * *", max_runs=3)
    listed = tmp_path / "listed.ndjson"
    listed.write_text(whendue("schedules", "list", "--json").out)
    assert whendue("schedules", "diff", str(listed)).code == 0
    more = file(tmp_path, "more.json", {"name": "few", "cron": "0 3 * * *", "maxRuns": 4})
    [change] = whendue("schedules", "diff", more, "--json").json["differences"]
    assert (len(change["added"]), change["removed"]) == (1, [])


def test_fires_are_listed_with_their_jobs(whendue: CommandLine) -> None:
    """The newest first, by outcome and time."""
    put(whendue, "nightly", cron="30 2 * * *")
    jobs = [whendue("schedules", "trigger", "nightly", "--json").json["id"] for _ in range(2)]
    fires = whendue("schedules", "fires", "nightly", "--json").lines
    assert {fire["job"]["id"] for fire in fires} == set(jobs)
    assert [fire["outcome"] for fire in fires] == ["triggered"] * 2
    assert len(whendue("schedules", "fires", "nightly", "--limit", "1", "--json").lines) == 1
    assert whendue("schedules", "fires", "nightly", "--outcome", "missed", "--json").lines == []
    assert whendue("schedules", "fires", "nightly", "--to", "2001-01-01T00:00:00Z", "--json").lines == []
    assert jobs[0] in whendue("schedules", "fires", "nightly").out
    assert whendue("schedules", "fires", "nightly", "--outcome", "late").code == 2
    assert whendue("schedules", "fires", "none").code == 5
