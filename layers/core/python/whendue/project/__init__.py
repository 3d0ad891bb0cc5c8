"""A project of one's own, outside of whendue's repository: `whendue new`, `dev`, `build`, `terraform`.

Start with `dev` (docs/guide/own-project.md): it starts the services (`carried`), the processes (`processes`, `child`)
and the watch (`watch`), and writes all they print into one stream (`stream`). `settings` reads whendue.toml, and
`secrets_file` the values in `.env`; `scaffold` writes a new project. `build` packs one for Lambda; `terraform` writes
the module, whose `variables` come from the settings.
"""
