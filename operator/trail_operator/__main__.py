"""For `python -m trail_operator`."""

from trail_operator.cli import main

main()
