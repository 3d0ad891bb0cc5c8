"""Adapters: the ports of `whendue.ports` on AWS, on threads, and in memory. They never import services or tasks."""
