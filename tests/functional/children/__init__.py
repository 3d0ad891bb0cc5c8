"""Programs that a worker's child process may turn out to be."""
