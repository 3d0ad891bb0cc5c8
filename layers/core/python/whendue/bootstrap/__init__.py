"""The composition root: builds the services on their adapters, once for each process.

`application` has the services, `process` puts them on AWS. Imports everything below; only `functions`,
`containers`, `metrics_export` and `cli` import it.
"""
