"""The command line: parse, import late, call, print."""

from centernet.cli.program import main

__all__ = ["main"]
