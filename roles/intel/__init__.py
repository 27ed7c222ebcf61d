"""Intel's roles."""
