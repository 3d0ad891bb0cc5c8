"""The HTTP API: guard -> token -> route -> one service call -> reply."""
