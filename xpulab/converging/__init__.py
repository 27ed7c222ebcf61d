"""From what differs to a host that is as wanted: drift, steps, the run and its report."""
