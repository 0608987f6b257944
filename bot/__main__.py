"""`python -m bot`, which is what `fenxiao` hands over to."""

from bot.cli import main

if __name__ == "__main__":
    main()
