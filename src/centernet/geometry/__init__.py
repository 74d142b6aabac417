"""Pure functions on coordinates."""
