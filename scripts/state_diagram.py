"""The diagram of states: every arrow, with all the modules that have transitions."""

from typing import Any, Final

from whendue.jobs import dependency_transitions as waiting
from whendue.jobs import transitions
from whendue.jobs.transition import EDGES, Edge

ARROWS: Final[tuple[Edge, ...]] = tuple(EDGES)
CONSTRUCTORS: Final[dict[str, Any]] = {edge.name: (vars(transitions) | vars(waiting))[edge.name] for edge in EDGES}
