"""A lab's own repository, laid out by `xpulab init`; what it gets lies in the folder lab/."""
