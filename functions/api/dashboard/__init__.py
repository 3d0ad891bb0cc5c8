"""The dashboard: the page at `/`, its files, and how one signs in to it.

Start with `routes`. `static/` is built from `dashboard/` by `make dashboard`, and committed. Modules here import
`functions.api.http` and the application; nothing imports them before a request asks for the dashboard.
"""
