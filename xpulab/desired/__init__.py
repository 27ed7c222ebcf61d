"""Desired state as data: roles, manifests, and the kinds of things in them."""
