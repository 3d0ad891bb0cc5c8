"""The domain: pure values and rules. No clock, no chance, no I/O; time, ids and draws come in as arguments."""
