"""Checks that a provisioned lab works, seen from outside; they import nothing of xpulab."""
