"""Submission: turns requests into jobs and stores them.

Start with `submit`; `plan` decides what a request becomes. Imports profiles, references and below.
"""
