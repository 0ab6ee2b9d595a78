"""`python -m consumer` is the `lastcall` command."""

from consumer.cli.entry import main

if __name__ == "__main__":
    main()
