"""Run the command line as `python -m hybridcheck`."""

from hybridcheck.cli.main import main

main()
