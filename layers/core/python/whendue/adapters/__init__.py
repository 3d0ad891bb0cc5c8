"""Adapters: the ports of `whendue.engine.ports` on AWS, on threads, and in memory.

Start with `dynamodb/store`; `memory` has every port once more. No package below `bootstrap` imports them. They import
the engine and below.
"""
