"""LocalStack's own runtime on this machine, for tests: without Docker, without a licence, on loopback alone."""
