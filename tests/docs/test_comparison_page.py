"""docs/reference/comparison.md and the tables of README.md: no claim about a product without its source."""

import re
from typing import Final, NamedTuple

import pytest

from tests.docs.pages import ROOT, text_of

PAGE: Final = "docs/reference/comparison.md"
README: Final = "README.md"
OURS: Final = "**whendue**"
NOT_LOOKED_UP: Final = "\N{EN DASH}"
SOURCE: Final = re.compile(r"\]\(https://[\w.-]+\.\w+/[^\s)]*\)")
TARGET: Final = re.compile(r"\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)")


class Row(NamedTuple):
    """A product in one of the tables."""

    product: str
    cells: dict[str, str]


def comparisons(text: str) -> list[Row]:
    """Return the rows of all tables that compare products: those whose first column has no title."""
    rows = []
    for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        titles, _, *lines = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table.splitlines()]
        if titles[0] == "":
            rows += [Row(line[0], dict(zip(titles[1:], line[1:], strict=True))) for line in lines]
    return rows


def without_source(row: Row) -> list[str]:
    """Return the titles of the cells that claim something and do not link to where it is said."""
    return [title for title, cell in row.cells.items() if cell != NOT_LOOKED_UP and not SOURCE.search(cell)]


def resolved(cell: str, folder: str) -> str:
    """Write the links to files of the repository relative to its root."""
    return TARGET.sub(lambda link: f"]({(ROOT / folder / link[1]).resolve().relative_to(ROOT)})", cell)


def without_page(row: Row, folder: str) -> list[str]:
    """Return the titles of the cells of whendue that do not lead to a page of its own docs."""
    return [title for title, cell in row.cells.items() if "](docs/" not in resolved(cell, folder)]


def claims_of(name: str) -> dict[tuple[str, str], str]:
    """Return the cells of a page's comparisons by product and title."""
    folder = name.rpartition("/")[0]
    rows = comparisons(text_of(name))
    return {(row.product, title): resolved(cell, folder) for row in rows for title, cell in row.cells.items()}


@pytest.mark.parametrize("name", [PAGE, README])
def test_each_claim_about_a_product_names_its_source(name: str) -> None:
    """A dash says that nothing was looked up; what is written was read somewhere."""
    peers = [row for row in comparisons(text_of(name)) if row.product != OURS]
    assert len(peers) > 12
    assert {row.product: titles for row in peers if (titles := without_source(row))} == {}


@pytest.mark.parametrize("name", [PAGE, README])
def test_each_claim_about_whendue_leads_to_its_docs(name: str) -> None:
    """A dash is not allowed there: what whendue does is known."""
    ours = [row for row in comparisons(text_of(name)) if row.product == OURS]
    assert ours
    folder = name.rpartition("/")[0]
    assert [titles for row in ours if (titles := without_page(row, folder))] == []


def test_a_row_of_dashes_says_nothing() -> None:
    """So it is left out."""
    empty = [row.product for row in comparisons(text_of(PAGE)) if set(row.cells.values()) == {NOT_LOOKED_UP}]
    assert empty == []


def test_the_page_says_what_the_readme_says() -> None:
    """Both have the first two tables. A claim that is corrected in one is corrected in the other."""
    readme, page = claims_of(README), claims_of(PAGE)
    assert {claim: page.get(claim) for claim in readme} == readme


CLAIMS: Final = f"""
| | a feature |
|---|---|
| **whendue** | [yes](docs/README.md) |
| A | {NOT_LOOKED_UP} |
| B | [yes](https://example.com/docs) |
| C | yes |
| D | [yes](docs/README.md) |
| E | [yes](http://example.com/docs) |

| not | a comparison |
|---|---|
| F | yes |
"""


def test_a_claim_without_a_source_is_found() -> None:
    """The rule itself, on a table that breaks it."""
    rows = comparisons(CLAIMS)
    assert [row.product for row in rows if row.product != OURS and without_source(row)] == ["C", "D", "E"]
    assert [row.product for row in rows if without_page(row, "")] == ["A", "B", "C", "E"]
