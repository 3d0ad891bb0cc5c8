"""Where the client takes its token from: a text, a function, a file, or an authorization server.

Start with `sources`. Imports the actions of the client and below.
"""
