"""What runs have done: one line of JSON for each, on the machine that they were started from."""
