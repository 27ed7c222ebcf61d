"""How anything that is written by hand is read: YAML, identifiers, strict models."""
