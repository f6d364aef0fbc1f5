"""`python -m swa` is `swa`."""

from swa.cli.main import main

if __name__ == "__main__":
    main()
