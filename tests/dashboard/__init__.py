"""The dashboard's own checks: types, tests of its pure parts, and that what is served is what the sources give."""
