"""Finds words that the glossary replaced: in Python's identifiers, in its comments and texts, and in prose files.

And docstrings that do not begin with the verb for what a function does.
"""

import ast
import io
import re
import tokenize
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z_0-9]*")
_TEXTS = frozenset(
    kind for name in ("STRING", "COMMENT", "FSTRING_MIDDLE") if (kind := getattr(tokenize, name, None)) is not None
)
_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


class Finding(NamedTuple):
    """A former word, and where it is: `text` is the identifier, or the line of prose around the word."""

    path: str
    line: int
    word: str
    text: str


class FormerWords(NamedTuple):
    """What must not be found, each with the word that replaced it.

    Args:
        words: in prose, and as a part of any identifier. Lower case.
        names: as a whole identifier that is no attribute of something (`submit.one`). In prose only those that are no
            plain words, such as `put_away`.
    """

    words: Mapping[str, str]
    names: Mapping[str, str]

    def find(self, path: str, text: str) -> Iterator[Finding]:
        """Yield each former word of a file. Python is read as tokens, all other files as prose."""
        yield from self._of_python(path, text) if path.endswith(".py") else self._of_prose(path, 1, text)

    def _of_python(self, path: str, text: str) -> Iterator[Finding]:
        before = ""
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.NAME:
                # `submit.one` beside `submit.many` is a method's name, and no variable.
                own = {token.string} & self.names.keys() if before != "." else set()
                for word in {*self._within(token.string), *own}:
                    yield Finding(path, token.start[0], word, token.string)
            elif token.type in _TEXTS:
                yield from self._of_prose(path, token.start[0], token.string)
            before = token.string

    def _of_prose(self, path: str, first: int, text: str) -> Iterator[Finding]:
        for number, line in enumerate(text.splitlines(), first):
            for identifier in _IDENTIFIER.findall(line):
                named = {identifier} & self.names.keys() if _is_no_plain_word(identifier) else set()
                yield from (Finding(path, number, word, line) for word in {*self._within(identifier), *named})

    def _within(self, identifier: str) -> set[str]:
        return {word.lower() for word in _WORD.findall(identifier)} & self.words.keys()


def _is_no_plain_word(identifier: str) -> bool:
    return "_" in identifier or any(letter.isupper() for letter in identifier[1:])


def openings(path: str, text: str, replaced: Mapping[str, str]) -> Iterator[Finding]:
    """Yield each docstring of a Python file that begins with one of some words.

    Args:
        path: of the file.
        text: its source.
        replaced: the words, each with what replaced it.
    """
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, _DOCUMENTED) and (docstring := ast.get_docstring(node)):
            for opening in replaced:
                if re.match(rf"{opening}\b", docstring):
                    yield Finding(path, node.body[0].lineno, opening, docstring.splitlines()[0])


def read(root: Path, *places: str, endings: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Yield path and text of the files under some folders, or of single files."""
    for folder in places:
        top = root / folder
        for path in [top] if top.is_file() else sorted(top.rglob("*")):
            if path.suffix in endings and path.is_file():
                yield path.relative_to(root).as_posix(), path.read_text()
