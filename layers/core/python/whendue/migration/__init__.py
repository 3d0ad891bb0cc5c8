"""The upgrade of a table of the version before, which `whendue migrate` runs; no function imports it.

Start with `migration.py`; `migrated.py` is what it changes of a job. `operations/migration_state.py` says whether it
has finished.
"""
