"""NVIDIA: its facts, and what is right for a host with its GPUs."""
