"""Run the `liaison` command of this very interpreter (`python -m gateway.cli`)."""

from gateway.cli.main import main

if __name__ == "__main__":
    main()
