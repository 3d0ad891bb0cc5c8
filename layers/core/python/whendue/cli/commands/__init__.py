"""The commands that talk to a deployment, one file for each group; `application` lists them.

A command reads its options, calls `whendue.client` once or in a loop, and writes what it answers.
"""
