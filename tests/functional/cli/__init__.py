"""Tests of the command line over real HTTP and on moto."""
