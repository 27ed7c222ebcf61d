"""The answer without a host, with the reason for each choice."""
