"""Bytecode: the same from the same sources, for the runtime's version or not at all."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from localstack import bytecode
from localstack.bytecode import Compiler, runtime_compiler

FILES = {"a/__init__.py": b"", "a/one.py": b"X = {'b', 'a', 'c'}\ndef f(): return 'word'\n", "a/text.txt": b"text"}


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """Look at each interpreter anew."""
    bytecode._found.cache_clear()
    yield
    bytecode._found.cache_clear()


@pytest.fixture
def compiler() -> Compiler:
    """Compile for the interpreter that runs the tests."""
    found = bytecode._found(sys.executable)
    assert found
    return found


def _cached(name: str) -> str:
    return name.replace("/one.py", f"/__pycache__/one.{sys.implementation.cache_tag}.pyc")


def test_the_same_sources_give_the_same_bytes(compiler: Compiler) -> None:
    """Terraform would upload, and Lambda start anew, what differs for no reason."""
    first, again = (compiler.compile(FILES, "/opt") for _ in range(2))
    assert first == again
    assert first.keys() > FILES.keys()
    assert b"/opt/a/one.py" in first[_cached("a/one.py")]


def test_a_source_that_cannot_be_compiled_is_named(compiler: Compiler) -> None:
    """What is ours must not be deployed without its bytecode, or with an error in it."""
    with pytest.raises(RuntimeError, match=r"a/broken\.py"):
        compiler.compile(FILES | {"a/broken.py": b"def"}, "/opt")


def test_a_users_task_that_cannot_be_compiled_takes_no_other_with_it(compiler: Compiler) -> None:
    """It is reported when it is imported, and the others run."""
    compiled = compiler.compile(FILES | {"tasks/broken.py": b"def"}, "/opt", may_fail=("tasks/",))
    assert _cached("a/one.py") in compiled
    assert compiled["tasks/broken.py"] == b"def"
    with pytest.raises(RuntimeError, match=r"tasks_of_others/broken\.py"):
        compiler.compile({"tasks_of_others/broken.py": b"def"}, "/opt", may_fail=("tasks/",))


def test_without_an_interpreter_the_sources_stay_as_they_are() -> None:
    """They run all the same, after a longer start."""
    assert Compiler(None).compile(FILES, "/opt") == FILES


def test_an_interpreter_of_another_version_is_not_taken(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Its bytecode would be ignored, and only make the layer larger."""
    monkeypatch.delenv(bytecode.VARIABLE, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(bytecode, "_VERSION", "print('cpython-27', 2, 7, 18)")
    monkeypatch.setattr(bytecode, "BUILD", tmp_path / "build")
    assert runtime_compiler() == Compiler(None)
    noted = capsys.readouterr().err
    assert "cold starts of the functions take longer" in noted
    assert "install python3.13, or name its path in RUNTIME_PYTHON" in noted
    # The next build of this project says it no more; that of another one does.
    assert runtime_compiler() == Compiler(None)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(bytecode, "BUILD", tmp_path / "other")
    assert runtime_compiler() == Compiler(None)
    assert capsys.readouterr().err == noted
    monkeypatch.setenv(bytecode.VARIABLE, sys.executable)
    with pytest.raises(RuntimeError, match="RUNTIME_PYTHON"):
        runtime_compiler()
    monkeypatch.setenv(bytecode.VARIABLE, str(tmp_path / "nothing"))
    with pytest.raises(RuntimeError, match="RUNTIME_PYTHON"):
        runtime_compiler()


def test_the_interpreter_that_is_named_compiles(monkeypatch: pytest.MonkeyPatch) -> None:
    """For machines that have the runtime's Python somewhere else."""
    monkeypatch.setenv(bytecode.VARIABLE, sys.executable)
    monkeypatch.setattr(bytecode, "_VERSION", "print('cpython-313', 3, 13, 9)")
    assert runtime_compiler() == Compiler(sys.executable, "cpython-313 3 13 9")
