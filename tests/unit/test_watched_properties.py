"""What holds for every role and any host: it watches what it wants, and no two of them conflict."""

from __future__ import annotations

import subprocess
from collections import Counter
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as profile
from hypothesis import strategies as st

from tests.unit.examples import examples
from tests.unit.own_roles_page import write_lab
from tests.unit.sample_workbenches import WORKBENCH, public_key
from tests.unit.test_resolve_properties import CATALOG, hosts, policies
from xpulab.desired import own_roles
from xpulab.desired.manifest import Manifest
from xpulab.desired.role import Role, sections
from xpulab.desired.state import Desired, desired, unseen, watched_by
from xpulab.inventory.settings import HostSettings, ImageOverride, Policy, with_sections
from xpulab.probing.observed import Observed
from xpulab.probing.watched import Watched
from xpulab.resolving.resolve import resolve
from xpulab.resolving.target import Target
from xpulab.roles import BUILT_IN
from xpulab.schema.refusal import Refusal
from xpulab.workbench.image import WorkbenchImage, image_of
from xpulab.workbench.settings import Workbench

names = st.from_regex(r"[a-z][a-z0-9-]{0,7}", fullmatch=True)
all_sections = st.fixed_dictionaries(
    {},
    optional={
        "pull": st.just({"url": "https://r.example/lab", "signers": [public_key()]}),
        "workbench": st.sampled_from([{**WORKBENCH, "image": image} for image in ("auto", "unified")]),
        "scratch": st.builds(lambda parts: {"path": "/" + "/".join(parts)}, st.lists(names, min_size=1)),
        "sysctl": st.builds(
            lambda values: {"values": {f"net.{name}": value for name, value in values.items()}},
            st.dictionaries(st.from_regex(r"[a-z0-9_]{1,8}", fullmatch=True), st.integers(0, 9)),
        ),
    },
)
users = st.lists(st.sampled_from(["ada", "grace", "ops"]), unique=True)


@cache
def roles() -> tuple[Role, ...]:
    """The built-in roles, and the two of docs/own-roles.md."""
    lab = write_lab(Path(mkdtemp()) / "physics")
    return own_roles.load(lab.parent / "roles", BUILT_IN)


def settings_of(policy: Policy, said: dict[str, Any], who: list[str]) -> HostSettings:
    model = with_sections(HostSettings, sections(roles()))
    return model.model_validate({"policy": policy, "users": tuple(who), "name_in_lab": "host-1", **said})


def with_image_built(settings: HostSettings, target: Target) -> HostSettings:
    """The same, with the image of the host's workbench in the lab's registry: its role waits for nothing."""
    image = image_of(target, settings, CATALOG) if settings.section(Workbench) else None
    if not isinstance(image, WorkbenchImage):
        return settings
    pinned = ImageOverride(digest=f"sha256:{'a' * 64}", disk_gb=1)
    return settings.model_copy(update={"images": {image.reference: pinned}})


def test_the_pages_roles_are_among_them() -> None:
    assert {"scratch", "sysctl"} == {role.name for role in roles()} - {role.name for role in BUILT_IN}


@profile(max_examples=examples(300), deadline=None)
@given(hosts, policies, all_sections, users)
def test_every_role_watches_by_itself_all_that_it_wants(
    observed: Observed, policy: Policy, said: dict[str, Any], who: list[str]
) -> None:
    settings = settings_of(policy, said, who)
    target = resolve(observed, settings, CATALOG)
    if isinstance(target, Refusal):
        return
    settings = with_image_built(settings, target)
    for role in roles():
        if role.is_for(target, settings, CATALOG):
            wanted = role.manifest(target, settings, CATALOG)
            if isinstance(wanted, Manifest):
                assert unseen(role, wanted.things, role.watched(settings, CATALOG)) is None


@profile(max_examples=examples(300), deadline=None)
@given(hosts, policies, all_sections, users)
def test_no_two_roles_conflict_and_every_thing_is_claimed_once(
    observed: Observed, policy: Policy, said: dict[str, Any], who: list[str]
) -> None:
    settings = settings_of(policy, said, who)
    target = resolve(observed, settings, CATALOG)
    if not isinstance(target, Target):
        return
    settings = with_image_built(settings, target)
    watched = watched_by(roles(), settings, CATALOG)
    assert isinstance(watched, Watched)
    found = desired(roles(), target, settings, CATALOG, watched)
    if isinstance(found, Refusal):  # only what a role itself says, never a clash of two
        own = [role.manifest(target, settings, CATALOG) for role in roles() if role.name == "workbench"]
        assert found in own
        return
    assert isinstance(found, Desired)
    claims = Counter((thing.kind, thing.claim) for thing in found.manifest.things)
    assert set(claims.values()) <= {1}
    assert not found.waiting


PARTS = [
    *("a", "ab", "abc", "b.d", ".hidden", ".a", "x@y", "a+b", "a:b", "a-b", "A"),
    *("*", "a*", "*b", "a*c", ".*", "?", "??", "a?c", "?hidden", ".?", "*.*", "x@*", "**"),
]
IN_THE_TREE = [each for each in PARTS if not set(each) & set("*?")]

FOLDERS = ["", "da/", ".d/", "da/.d/", "dab/da/"]
PATTERNS_OF_FOLDERS = [*FOLDERS, "d*/", "*/", ".*/", "d?/", "*/*/", "*/.*/", "da/.?/", "d*/d?/"]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of every name in every folder."""
    root = tmp_path_factory.mktemp("tree")
    for folder in FOLDERS:
        (root / folder).mkdir(parents=True, exist_ok=True)
        for name in IN_THE_TREE:
            (root / folder / name).write_text("")
    return root


def test_what_a_pattern_covers_is_what_a_shell_makes_of_it(tree: Path) -> None:
    files = sorted(str(each) for each in tree.rglob("*") if each.is_file())
    tried = [f"{tree}/{folder}{name}" for folder in PATTERNS_OF_FOLDERS for name in PARTS]
    # One shell for all: each pattern, then the plain files that it becomes.
    loop = 'for each in $1; do if [ -f "$each" ]; then printf "%s\\n" "$each"; fi; done; echo'
    script = "\n".join(["show() {", loop, "}", *(f"show '{pattern}'" for pattern in tried)])
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
    by_shell: list[set[str]] = [set()]
    for line in done.stdout.splitlines():
        if line in files:  # to .* some shells count . and .., which no manifest has in a path
            by_shell[-1].add(line)
        elif line:
            assert "/./" in line or "/../" in line
        else:
            by_shell.append(set())
    assert by_shell.pop() == set()
    assert len(by_shell) == len(tried)
    assert sum(map(len, by_shell)) > 500
    for pattern, seen in zip(tried, by_shell, strict=True):
        watched = Watched(files=(pattern,))
        assert {file for file in files if watched.has_file(file)} == seen, pattern
