"""Workflows and `forEach`: composite jobs that create jobs, their members.

Start with `graph`; `runner` runs them. Imports submission and below.
"""
