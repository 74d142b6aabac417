"""The command line: parse, import late, call, print."""

from centernet.cli.app import main

__all__ = ["main"]
