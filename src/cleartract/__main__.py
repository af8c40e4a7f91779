"""`python -m cleartract`."""

import sys

from cleartract.cli import main

if __name__ == "__main__":
    sys.exit(main())
