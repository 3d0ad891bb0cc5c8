"""The shipped tasks: `http`, `email`, `lambda`. What they need of the outside comes from `declarations.resources`."""
