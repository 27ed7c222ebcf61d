"""Hosts that converge themselves: what both ends must agree on."""
