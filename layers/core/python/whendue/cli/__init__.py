"""The command `whendue`: parts of a deployment as processes, and everything that people do with one over its API.

Start with `__main__`, which decides between the two. `processes` has the commands of an image, and imports nothing of
Typer, Rich or httpx; all others are in `commands`, listed by `application`, and need the extra `cli`.
Layers of functions contain none of it.
"""

from typing import Final

# The commands of an image, and what they do.
PROCESSES: Final = {
    "api": "answer HTTP requests",
    "worker": "run jobs, deliver notifications, handle dead letters",
    "timer": "send due jobs to their queues every minute, and rescue lost ones",
    "migrate": "upgrade the jobs of a table that an earlier version made, while everything runs",
}
