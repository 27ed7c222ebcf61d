"""What other libraries import of it."""
