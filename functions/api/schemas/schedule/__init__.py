"""What requests about schedules say, and what is answered: `definitions` (when and what), `runs`, `replies`.

Start with `definitions`. Imports the schemas of jobs and workflows.
"""
