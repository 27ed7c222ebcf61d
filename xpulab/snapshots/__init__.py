"""What a host's probe saw, in a file that can be shown to others, and what is made of it with no host."""
