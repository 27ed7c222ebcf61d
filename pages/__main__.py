"""Write all that is made: pages of docs/ and README.md, and the requirements of a release."""

from __future__ import annotations

from pages import examples, matrix, requirements, workbench
from xpulab.resolving.vendors import written_catalog

if __name__ == "__main__":
    examples.write()
    matrix.PAGE.write_text(matrix.matrix(written_catalog()), encoding="utf-8")
    workbench.PAGE.write_text(workbench.page(workbench.PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    requirements.REQUIREMENTS.write_text(requirements.requirements(), encoding="utf-8")
