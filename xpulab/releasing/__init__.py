"""Signed releases for hosts that converge themselves."""
