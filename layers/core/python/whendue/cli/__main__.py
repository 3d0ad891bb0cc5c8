"""`python -m whendue.cli` is the command `whendue`."""

import sys

from whendue.cli import main

if __name__ == "__main__":
    sys.exit(main())
