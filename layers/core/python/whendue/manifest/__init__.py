"""The task manifest: the tasks of a deployment as data, for processes that never import them.

`model` is the file, `describe` the command that writes it, `described_tasks` makes the descriptions. Imports
declarations and below.
"""
