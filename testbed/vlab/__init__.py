"""The virtual lab that the tests and the demo run on: hosts in containers, and the vendors' servers."""
