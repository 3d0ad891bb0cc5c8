"""The diagram of states: every arrow, with all the modules that have transitions."""

from typing import Any, Final

from whendue.domain import transitions, waiting
from whendue.domain.step import EDGES, Edge

ARROWS: Final[tuple[Edge, ...]] = tuple(EDGES)
CONSTRUCTORS: Final[dict[str, Any]] = {edge.name: (vars(transitions) | vars(waiting))[edge.name] for edge in EDGES}
