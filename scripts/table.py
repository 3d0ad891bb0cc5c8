"""Tables in Markdown."""


def table(header: list[str], rows: list[list[str]]) -> str:
    """Write a table.

    Args:
        header: the names of its columns.
        rows: its lines, a cell for each column.
    """
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
