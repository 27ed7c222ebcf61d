"""What runs inside a workbench image: stdlib only, on the system's Python."""
