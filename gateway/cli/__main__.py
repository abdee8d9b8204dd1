"""`python -m gateway.cli`: the `liaison` command of this very interpreter."""

from gateway.cli.main import main

if __name__ == "__main__":
    main()
