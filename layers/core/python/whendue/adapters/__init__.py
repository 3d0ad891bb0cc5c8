"""Adapters: the ports of `whendue.engine.ports` on AWS, on threads, and in memory.

Nothing but `bootstrap` imports them. They import the engine and below.
"""
