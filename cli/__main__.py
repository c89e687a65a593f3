"""Run the command line as ``python -m cxrcat.cli``."""

from . import main

main()
