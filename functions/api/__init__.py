"""The HTTP API: route -> token -> guard -> one service call -> reply."""
