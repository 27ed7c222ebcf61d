"""The kinds of things that a manifest may hold: what each is, when it differs, what puts it right."""
