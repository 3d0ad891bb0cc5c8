"""The shipped tasks: `http`, `email`, `lambda`. What they need of the outside comes from `declarations.resources`.

Start with `http`. `workflow` declares the type of a workflow's job. Imports mail, workflows and below.
"""
