"""The diagram of states: every arrow, with all the modules that have transitions."""

from typing import Any, Final

from whendue.jobs import dependency_transitions as waiting
from whendue.jobs import transitions
from whendue.jobs.transition import EDGES, Edge

_DEFINED: Final = vars(transitions) | vars(waiting)
# In the order of their definitions: in which order the modules were imported makes no difference.
ARROWS: Final[tuple[Edge, ...]] = tuple(sorted(EDGES, key=lambda edge: list(_DEFINED).index(edge.name)))
CONSTRUCTORS: Final[dict[str, Any]] = {edge.name: _DEFINED[edge.name] for edge in ARROWS}
