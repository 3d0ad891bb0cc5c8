"""Services: what whendue does, on ports alone. They never log and never import adapters or tasks."""
