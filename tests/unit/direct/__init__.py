"""Tests of direct mode without an application: identities."""
