"""A project of one's own, outside of whendue's repository: `whendue new` and `whendue dev` (docs/guide/own-project.md).

Start with `dev`: it starts the services (`carried`), the processes (`processes`, `child`) and the watch (`watch`), and
writes all they print into one stream (`stream`). `settings` reads whendue.toml; `scaffold` writes a new project.
"""
