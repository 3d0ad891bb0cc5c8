"""The processes of containers, on memory adapters and real threads."""
