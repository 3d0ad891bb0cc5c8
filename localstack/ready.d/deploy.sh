#!/bin/sh
# LocalStack runs this each time it is ready, and so does MiniStack: it deploys the stack as `make up` does.
# DEPLOY_FROM is this repository, DEPLOY_PYTHON a Python that has requirements/dev.txt.
set -eu
cd "${DEPLOY_FROM:?}"
export EMULATOR=localstack PYTHONPATH=layers/core/python:.
"${DEPLOY_PYTHON:?}" -m localstack up
# In a container this is root; what was written down belongs to whose repository it is.
chown -h --reference=. .local .local/*
