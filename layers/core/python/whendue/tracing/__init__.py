"""Tracing: the W3C header `traceparent`, and spans sent by OTLP.

Start with `traceparent`. Imports support and below.
"""
