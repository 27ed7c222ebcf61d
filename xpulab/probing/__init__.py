"""What is there: one remote command per host."""
