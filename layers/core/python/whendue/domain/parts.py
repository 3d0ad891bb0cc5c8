"""Parts: the jobs that a job has made and waits for (nodes of a workflow, items of a forEach)."""

from whendue.domain.request import derived_id


def part_id(whole_id: str, number: int) -> str:
    """Derive the id of a part from the job that it is a part of: whoever makes it twice makes it once."""
    return derived_id(whole_id, f"part#{number}")
