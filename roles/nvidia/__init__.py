"""NVIDIA's roles."""
