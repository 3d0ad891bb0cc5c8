"""The checks of `whendue doctor`: what is wrong with a deployment as this machine sees it.

Start with `findings`. `api_checks` asks the API, `aws_checks` the table, the queues and the bucket.
"""
