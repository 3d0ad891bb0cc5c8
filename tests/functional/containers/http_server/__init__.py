"""The HTTP server of `whendue api`, over real connections."""
