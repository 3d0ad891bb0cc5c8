"""Jobs from code: `task.delay(...)`, `chain`, `group` and `chord`, and the handles that they return.

Start with `task_object`. Imports the rest of `declarations` and below; `handles` alone loads the client, when a call is
made outside of a task.
"""
