"""`python -m eqgen` is the `eqgen` command."""

from eqgen.cli import main

if __name__ == "__main__":
    main()
