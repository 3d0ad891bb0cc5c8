"""Bounds of the HTTP server. Sizes are bytes; times are seconds (`_S`) unless the name says otherwise.

Quotas of an HTTP API: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
"""

from typing import Final

# "Payload size: 10 MB". An operation may take less (functions/api/http/body.py).
PAYLOAD_BYTES: Final = 10 * 1024 * 1024
# "Total combined size of request line and header values: 10240 bytes". Here names count, too.
HEAD_BYTES: Final = 10_240
# "Maximum integration timeout: 30 seconds". The API's function has 29 s (infra/topology.yaml), and so has a request
# here, from the last byte of its body to the first of its answer.
REQUEST_S: Final = 29
# From the first byte of a request line to the last of the headers; and of the body, from there. The defaults of nginx
# for the time between two reads are 60 s: https://nginx.org/en/docs/http/ngx_http_core_module.html
HEAD_S: Final = 10
BODY_S: Final = 60
# A client that reads nothing for this long is disconnected.
WRITE_S: Final = 30
# An idle connection. Longer than the 60 s after which an Application Load Balancer closes one, so that it never sends a
# request on a connection that is being closed here:
# https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-load-balancer-attributes.html
KEEP_ALIVE_S: Final = 75
# For the first request on a connection, when the server drains.
FIRST_REQUEST_S: Final = 1
# A process may open 1,024 files by default (Linux); a connection is one, and calls to AWS need some.
CONNECTIONS: Final = 800
BACKLOG: Final = 256
# Bodies that are held at the same time, of all requests: a container has 512 MB (infra/kubernetes), and an answer may
# hold several copies of its request's body.
BODIES_BYTES: Final = 32 * 1024 * 1024
# Requests that wait for a thread, for each thread: with 10 ms a request they wait for 40 ms.
WAITING_PER_THREAD: Final = 4
# A thread that answers one request for longer hangs: AWS's clients try for 220 s before they give up.
HUNG_S: Final = 540
# The server's own thread gets on once a second.
SILENT_S: Final = 60
# What clients are asked to wait after a refusal for lack of room.
RETRY_AFTER_S: Final = 2
