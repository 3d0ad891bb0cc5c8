"""Every parser's work is linear in its input, whatever stands in it (guarantee G13)."""

import pytest

from tests.property.growth import Parser, every_parser, growth, is_linear, run_largest

PARSERS = every_parser()
CASES = [(name, shape) for name, parser in PARSERS.items() for shape in parser.shapes]


@pytest.mark.sampled(5)
@pytest.mark.parametrize(("name", "shape"), CASES)
def test_python_work_grows_no_faster_than_its_input(name: str, shape: str) -> None:
    """Instructions are counted, so that no load of the machine matters."""
    counts = growth(PARSERS[name], shape)
    assert is_linear(counts), counts


@pytest.mark.thorough
@pytest.mark.parametrize("name", PARSERS)
def test_the_largest_input_is_read_within_a_hundred_times_what_is_linear(name: str) -> None:
    """C code cannot be counted: CPU time is bounded, so generously that only what is not linear runs into it."""
    ended = run_largest(name)
    assert ended.returncode == 0, f"{ended.stdout.splitlines()[-1:]}: {ended.stderr[-500:]}"
    # Among the log lines of whatever answers.
    assert list(PARSERS[name].shapes)[-1] in ended.stdout.splitlines()


@pytest.mark.thorough
def test_a_quadratic_parser_is_found_out() -> None:
    """The harness itself can fail: a scan of what is left at each step, and one of all pairs."""
    scan = Parser(lambda text: [list(text[start:]) for start in range(len(text))], {"a": lambda n: "a" * n}, 1)
    pairs = Parser(lambda text: [item == other for item in text for other in text], {"a": lambda n: "a" * n}, 1)
    line = Parser(lambda text: [item == "a" for item in text], {"a": lambda n: "a" * n}, 1)
    assert not is_linear(growth(pairs, "a"))
    assert is_linear(growth(line, "a"))
    assert is_linear(growth(scan, "a")), "what C does is not seen by counting"
