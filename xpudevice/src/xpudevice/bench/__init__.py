"""Throughput of a ResNet-50 and a transformer block, to compare precisions on one device."""
