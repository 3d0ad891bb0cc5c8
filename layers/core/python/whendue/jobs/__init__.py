"""Jobs: the model of a job, its states, and every legal transition, one named constructor each. All of it is pure.

Start with `model`, then `transitions`. Imports table and below.
"""
