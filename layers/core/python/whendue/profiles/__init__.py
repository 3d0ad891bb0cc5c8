"""Profiles: named defaults and limits for jobs.

Start with `model`; `lookup` finds, `editor` changes them. Imports notifications and below.
"""
