"""What all tests share: no verdict hangs on how busy the machine is."""

from hypothesis import HealthCheck, settings

# Hypothesis fails an example that takes over 200 ms of wall-clock time, and a generation that is slow: on a loaded
# machine any can be.
settings.register_profile("whendue", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("whendue")
