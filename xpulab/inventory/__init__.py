"""From a lab's description to the settings of each host."""
