"""References: `{"$from": ...}` in payloads, resolved from results of other jobs with a bounded JMESPath.

Start with `syntax`, then `resolver`. Imports the engine and below.
"""
