"""The job that all systems run; whendue discovers it here, and in its worker function's zip."""
