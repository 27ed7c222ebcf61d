"""What a host's workbench image is made of."""
