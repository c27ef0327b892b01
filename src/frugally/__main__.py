"""`python -m frugally` is the command."""

from frugally.cli import main

main()
