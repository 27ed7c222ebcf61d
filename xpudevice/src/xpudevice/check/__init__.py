"""xpu-check: does the device compute what the CPU computes?"""
