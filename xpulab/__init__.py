"""xpulab turns bare hosts with mixed accelerators into verified PyTorch hosts."""
