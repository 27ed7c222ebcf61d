"""Makes the pages of docs/ that are written from the catalog: `python -m pages`."""
