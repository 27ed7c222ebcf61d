"""A lab file with the lab's own roles: what both of them together say of hosts."""

from __future__ import annotations

from pathlib import Path

from xpulab.desired import own_roles
from xpulab.desired.role import Role, sections
from xpulab.inventory.labfile import Lab, LabError, LabText, hosts_of, read


def load_lab(path: Path, built_in: tuple[Role, ...], roles_folder: Path | None = None) -> Lab:
    """The hosts of a lab. Raises LabError where its file, or a role of its own, makes no sense as a whole.

    `roles_folder` takes the place of the one that the file names.
    """
    text = read(path)
    if text.content.roles and not roles_folder and not text.roles.is_dir():
        raise LabError(f"{path}: roles: there is no folder {text.roles}: make it, or correct its path")
    if roles_folder:
        text = LabText(path, text.content.model_copy(update={"roles": str(roles_folder)}))
    try:
        roles = own_roles.load(text.roles, built_in)
    except own_roles.RoleError as error:
        raise LabError(str(error)) from error
    return hosts_of(text, sections(roles))
