"""`python -m router.cli`: the same as `turnout`, without an installed script."""

from router.cli.main import main

main()
