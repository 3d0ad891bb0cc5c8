"""How the counts of calls and read units grow with the jobs in the table: measured, and compared with their law."""
