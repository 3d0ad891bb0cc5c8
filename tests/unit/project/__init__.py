"""Tests of what a project of one's own is made of: settings, the template, the stream of lines."""
