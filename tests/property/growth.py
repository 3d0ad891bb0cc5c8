"""How a parser's work grows with its input: counted where it is Python, bounded by CPU time where it is C.

A parser is added in a module of `tests/property/parsers/`, as an entry of its `PARSERS`; `test_growth.py` does it all.
"""

import resource
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import FrameType
from typing import Any, Final

from tests.property import parsers

# The inputs that are counted: n, 2n and 4n.
COUNTED: Final = 300
# Linear work doubles with its input, quadratic work grows four times. Additions of caches and rare branches are small.
RATIO_MAX: Final = 2.6
SLACK: Final = 500
# Linear work on the largest inputs below takes a second or two; quadratic work takes hours.
CPU_S: Final = 200


@dataclass(frozen=True, slots=True)
class Parser:
    """Something that reads a stranger's input.

    Args:
        parse: reads one; an exception of `refusals` is an answer, too.
        shapes: make a hostile input of a size, by name.
        largest: the largest size that gets as far as the parser.
        refusals: what a parser says no with.
        counted: the smallest size that is counted.
    """

    parse: Callable[[Any], object]
    shapes: Mapping[str, Callable[[int], Any]]
    largest: int
    refusals: tuple[type[Exception], ...] = field(default=())
    counted: int = COUNTED

    def read(self, value: Any) -> None:
        """Parse, and take a refusal for an answer."""
        try:
            self.parse(value)
        except self.refusals:
            return


def every_parser() -> dict[str, Parser]:
    """Return all parsers by name."""
    found: dict[str, Parser] = {}
    for module in iter_modules(parsers.__path__):
        found |= import_module(f"{parsers.__name__}.{module.name}").PARSERS
    return found


def operations(function: Callable[[], object]) -> int:
    """Count the bytecode instructions that a call takes in Python; what it calls in C is not seen."""
    count = 0

    def trace(frame: FrameType, event: str, arg: object) -> Any:
        nonlocal count
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        count += event == "opcode"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        function()
    finally:
        sys.settrace(before)
    return count


def growth(parser: Parser, shape: str) -> tuple[int, int, int]:
    """Count the work for inputs of n, 2n and 4n."""
    make, n = parser.shapes[shape], parser.counted
    # The first call fills caches.
    parser.read(make(n))
    values = [make(n), make(2 * n), make(4 * n)]
    first, second, third = (operations(partial(parser.read, value)) for value in values)
    return first, second, third


def is_linear(counts: tuple[int, int, int]) -> bool:
    """Whether work grows no faster than its input: by differences, so that what is always done does not hide it."""
    first, second, third = counts
    return third <= first or third - second <= RATIO_MAX * max(second - first, 0) + SLACK


def run_largest(name: str) -> subprocess.CompletedProcess[str]:
    """Parse the largest input of each shape in a process of its own, of bounded CPU time; it names each before."""
    command = [sys.executable, "-m", "tests.property.growth", name]
    root = Path(__file__).parents[2]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)


def main(name: str) -> None:
    """Parse the largest inputs of one parser."""
    parser = every_parser()[name]
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    for shape, make in parser.shapes.items():
        sys.stdout.write(f"{shape}\n")
        sys.stdout.flush()
        parser.read(make(parser.largest))


if __name__ == "__main__":
    main(sys.argv[1])
