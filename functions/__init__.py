"""Lambda handlers: parse, call one service, answer."""

import gc
import os
from typing import Final

# Lambda says so of each process that it starts:
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime
STARTING: Final = "AWS_LAMBDA_INITIALIZATION_TYPE" in os.environ

if STARTING:
    # What a start imports stays; searching it for garbage, again and again, is a fifth of the start's time.
    gc.disable()


def end_start() -> None:
    """Prepare the log line that each invocation ends with, and collect garbage from now on, but not what is there."""
    from functions import log

    log.prepare()
    gc.freeze()
    gc.enable()
