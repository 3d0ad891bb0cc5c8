"""What the property "stored means readable" is made of: a stage, the rules of the table, and requests of every kind."""
