"""What grows with what: counts at growing sizes, for the growth suite and for tests that compare them with a law."""
