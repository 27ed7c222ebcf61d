"""What is right for a host: (Observed, HostSettings, Catalog) -> Target or Refusal."""
