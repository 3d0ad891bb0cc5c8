"""The pages that the docs tests read."""

import json
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PAGES = [
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "tests").rglob("*.md")),
]
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]
# A file and a heading, either of which may be missing: [text](file#heading).
LINK = re.compile(r"\[[^\]]*\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)")


def text_of(name: str) -> str:
    """Read a file, given relative to the root."""
    return (ROOT / name).read_text()


def example_of(page: str, name: str) -> str:
    """Return the block of a page that stands behind `<!-- example: name -->`."""
    [block] = re.findall(rf"<!-- example: {name} -->\n```\w+\n(.*?)\n```", text_of(page), re.DOTALL)
    return str(block)


def json_example_of(page: str, name: str) -> Any:
    """Return such a block's JSON value."""
    return json.loads(example_of(page, name))


def without_code(text: str) -> str:
    """Remove fenced blocks, which hold what is typed or shown, not prose."""
    return re.sub(r"^ *```.*?^ *```", "", text, flags=re.DOTALL | re.MULTILINE)


def headings_of(text: str) -> set[str]:
    """Return the headings of a page as GitHub names them in links."""
    titles = re.findall(r"^#+ (.+)$", without_code(text), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def linked_from(name: str) -> set[str]:
    """Return the pages that a page links to, relative to the root."""
    folder = (ROOT / name).parent
    targets = {(folder / file).resolve() for file, _ in LINK.findall(text_of(name)) if file.endswith(".md")}
    return {str(target.relative_to(ROOT)) for target in targets}
