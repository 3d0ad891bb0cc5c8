"""What runs in the benchmark's own virtual environment: producers and workers. Nothing here imports the harness."""
