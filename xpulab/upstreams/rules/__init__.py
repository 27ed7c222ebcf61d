"""Rules of check-upstreams: pure functions from what servers gave, and the catalog, to findings."""
