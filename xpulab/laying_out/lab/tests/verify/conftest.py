"""Checks of this lab's own: in test_*.py beside this file, `xpulab verify` runs them with the others.

A check gets each host whose kind its argument names: lab_host is all of them.
"""

from xpulab.verify.conftest import pytest_generate_tests

__all__ = ["pytest_generate_tests"]
