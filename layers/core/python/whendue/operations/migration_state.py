"""Whether the lists hold every job: until the upgrade of a table of the version before has finished, they do not."""

from whendue.engine.ports import JobStore
from whendue.table.keys import MIGRATION_KEY


class MigrationState:
    """Whether the table is of this version; once it is, it is not asked again."""

    def __init__(self, store: JobStore) -> None:
        """Use this table."""
        self._store = store
        self._finished = False

    def has_finished(self) -> bool:
        """Return whether all jobs of the version before are in the lists.

        Raises:
            UnavailableError: the table does not answer.
        """
        if not self._finished:
            [mark] = self._store.get([MIGRATION_KEY])
            self._finished = bool(mark and mark.get("finished"))
        return self._finished
