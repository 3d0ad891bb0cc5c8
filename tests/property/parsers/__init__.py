"""Tables of parsers, one module a part of the house: `PARSERS`, by name."""
