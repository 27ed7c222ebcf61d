"""Does what the catalog says of vendors' servers still hold."""
