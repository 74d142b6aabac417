"""Numbers that others can check."""
