"""Run the command line as ``python -m cxrcat.cli``."""

from . import main

if __name__ == "__main__":
    main()
