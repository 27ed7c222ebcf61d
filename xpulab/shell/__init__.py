"""The shell that runs on hosts."""
