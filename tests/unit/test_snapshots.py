"""A snapshot holds all that an answer needs, and what is read from one may come from anybody."""

from __future__ import annotations

import dataclasses
import json
import re
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as profile
from hypothesis import strategies as st
from pydantic import TypeAdapter

from tests.unit.converged_answer import converged_answer
from tests.unit.examples import examples
from tests.unit.fake_lab import KINDS, with_a_changed_file
from tests.unit.sample_hosts import (
    ARC_A770,
    ARC_B580,
    B200,
    BACKPORTS,
    FLEX_170,
    GTX_1080_TI,
    H100,
    K40,
    MAX_1100,
    NVSWITCH,
    RADEON,
    RTX_3090,
    RTX_5090,
    V100,
    debian,
    host,
    manifest_of,
    noble,
    resolved,
    said,
)
from tests.unit.sample_workbenches import WORKBENCH, public_key
from tests.unit.snapshot_samples import CATALOG, live, taken
from tests.unit.test_resolve_properties import hosts, labs, policies
from tests.unit.test_watched_properties import with_image_built
from xpulab.desired.kinds.container import Container
from xpulab.inventory.settings import HostSettings, Policy
from xpulab.probing.observed import (
    FoundContainer,
    FoundFile,
    FoundGroup,
    FoundUnit,
    InstalledPackage,
    Observed,
)
from xpulab.probing.records import parse as parse_records
from xpulab.resolving.resolve import resolve
from xpulab.roles import BUILT_IN
from xpulab.schema.strict import Strict
from xpulab.snapshots import folder
from xpulab.snapshots.judging import judge
from xpulab.snapshots.reading import MOST_BYTES, SnapshotError, parse, read
from xpulab.snapshots.snapshot import FORMAT, Snapshot

SAMPLES = {
    "cpu": host(),
    "3090": host(RTX_3090),
    "fabric": noble(H100, NVSWITCH),
    "nvlink5": noble(B200, B200),
    "5090": noble(RTX_5090),
    "pascal": debian(GTX_1080_TI),
    "volta": host(V100),
    "kepler": host(K40),
    "arc": noble(ARC_A770),
    "battlemage": noble(ARC_B580),
    "max": host(MAX_1100),
    "flex": host(FLEX_170),
    "backports": debian(ARC_A770, kernel=BACKPORTS),
    "amd": host(RADEON),
    "both": noble(RTX_3090, ARC_A770),
}
LAB_USERS = HostSettings(users=("ada", "grace"))
ACCOUNTS: dict[str, Any] = {
    "users": {"ada": "ada", "grace": "grace"},
    "groups": {"video": FoundGroup(44, frozenset({"ada", "zoe"}))},
}


def again(snapshot: Snapshot) -> Snapshot:
    """The snapshot from its own file."""
    return parse(snapshot.text().encode(), "file")


def drift_of(snapshot: Snapshot) -> list[tuple[str, ...]]:
    return words(judge(again(snapshot), CATALOG, BUILT_IN).assessment.drift)


def words(drift: Any) -> list[tuple[str, ...]]:
    return [(each.kind, each.name, each.found, each.wanted) for each in drift]


def with_substitutes(drift: Any, **names: str) -> list[tuple[str, ...]]:
    pattern = re.compile(rf"\b({'|'.join(names)})\b")
    return [tuple(pattern.sub(lambda found: names[found[0]], word) for word in each) for each in words(drift)]


@pytest.mark.parametrize("name", SAMPLES)
def test_a_snapshot_of_any_host_differs_in_what_the_host_differs_in(name: str) -> None:
    observed = dataclasses.replace(SAMPLES[name], **ACCOUNTS)
    found = live(observed, LAB_USERS)
    snapshot = taken(observed, LAB_USERS)
    assert again(snapshot) == snapshot
    judged = judge(again(snapshot), CATALOG, BUILT_IN).assessment
    assert words(judged.drift) == with_substitutes(found.drift, ada="user1", grace="user2")
    assert (judged.target, judged.refusal.reason if judged.refusal else "") == (found.target, found.reason)
    assert judged.drift or judged.refusal
    assert (snapshot.untold, snapshot.left_out) == ((), ())


@pytest.mark.parametrize("kind", KINDS)
def test_a_converged_host_has_a_snapshot_without_drift_and_a_changed_file_is_told(kind: str) -> None:
    settings = HostSettings(users=("ops",))
    lines = converged_answer(*KINDS[kind], settings)
    assert drift_of(taken(parse_records(lines), settings)) == []
    changed = taken(parse_records(with_a_changed_file(lines)), settings)
    assert [each[0] for each in drift_of(changed)] == ["file"]


@profile(max_examples=examples(60), deadline=None)
@given(labs, policies)
def test_any_host_with_any_policy_gets_the_same_answer_from_its_snapshot(
    observed: Observed, policy: Policy
) -> None:
    settings = HostSettings(policy=policy, users=("ada",))
    observed = dataclasses.replace(observed, users={"ada": "ada"})
    found, judged = live(observed, settings), judge(again(taken(observed, settings)), CATALOG, BUILT_IN)
    assert words(judged.assessment.drift) == with_substitutes(found.drift, ada="user1")
    assert (judged.assessment.refusal is None) == (found.state != "refused")


@profile(max_examples=examples(60), deadline=None)
@given(hosts)
def test_the_oddest_host_has_a_snapshot_that_can_be_read_and_judged(observed: Observed) -> None:
    judge(again(taken(observed, LAB_USERS)), CATALOG, BUILT_IN)


def test_a_workbench_that_runs_as_wanted_cannot_be_told_and_is_no_invented_difference() -> None:
    settings = said(workbench=WORKBENCH, users=["ada"])
    observed = host(**ACCOUNTS)
    target = resolved(resolve(observed, settings, CATALOG))
    settings = with_image_built(settings, target)
    (container,) = manifest_of(observed, settings).of(Container)
    observed = dataclasses.replace(
        observed,
        files={
            each.path: FoundFile(sha256(each.content.encode()).hexdigest(), each.mode, "root:root", 1.5, 9)
            for each in container.files
        },
        units={container.unit: FoundUnit(True, "active", "enabled", 2.5)},
        containers={
            container.name: FoundContainer(
                "running", "healthy", container.image.by_digest, container.configuration
            )
        },
    )
    assert "container" not in {each.kind for each in live(observed, settings).drift}
    snapshot = taken(observed, settings)
    (account,) = snapshot.settings["workbench"]["users"]
    assert account.startswith("user")
    assert "container" not in {each[0] for each in drift_of(snapshot)}
    assert [each.what for each in judge(again(snapshot), CATALOG, BUILT_IN).untold] == [
        "container xpulab-workbench"
    ]


def test_a_converged_file_of_the_hosts_that_was_made_of_something_left_out_is_untold() -> None:
    key = public_key().replace("AAAAIAAAAA", "AAAAIBBBBB")  # another key than the one that stands for all
    settings = said(pull={"url": "https://r/l", "signers": [key]}, name_in_lab="gpu-01")
    observed = parse_records(converged_answer(*KINDS["cpu"], settings))
    assert live(observed, settings).drift == ()
    snapshot = taken(observed, settings)
    judged = judge(again(snapshot), CATALOG, BUILT_IN)
    assert judged.assessment.drift == ()
    assert [each.what for each in judged.untold] == ["file /etc/xpulab/pull-signers"]


@pytest.mark.parametrize("content", ['{"a": 1', "[1]", '"x"', "{}\ufffd", '{"a":' * 100_000])
def test_a_daemon_json_that_nothing_can_be_merged_into_is_refused_without_its_text(content: str) -> None:
    observed = host(contents={"/etc/docker/daemon.json": content})
    snapshot = taken(observed, HostSettings())
    judged = judge(again(snapshot), CATALOG, BUILT_IN)
    assert judged.assessment.refusal is not None
    assert judged.assessment.refusal.reason == live(observed, HostSettings()).reason != ""


def test_a_wish_that_the_probe_did_not_look_at_cannot_be_told() -> None:
    """Roles watch more with time: what they want anew is not missing on a host of before."""
    snapshot = taken(host(RTX_3090), HostSettings())
    before = snapshot.model_copy(update={"watched": dataclasses.replace(snapshot.watched, units=())})
    judged = judge(again(before), CATALOG, BUILT_IN)
    assert "service" not in {each.kind for each in judged.assessment.drift}
    assert ("service docker.service", "the snapshot does not have unit docker.service") in {
        (each.what, each.why) for each in judged.untold
    }


def test_policy_said_beside_a_snapshot_takes_the_place_of_the_inventorys() -> None:
    snapshot = taken(host(RTX_3090), HostSettings(policy=Policy(nvidia_driver="580")))
    judged = judge(again(snapshot), CATALOG, BUILT_IN, {"nvidia_driver": "595"})
    assert judged.assessment.target and judged.assessment.target.driver
    assert judged.assessment.target.driver.branch == "595"


def test_a_field_of_a_look_that_is_added_with_a_default_keeps_older_snapshots_readable() -> None:
    @dataclass(frozen=True)
    class Later(Observed):
        virtualization: str = "none"
        bound: dict[str, tuple[str, ...]] = field(default_factory=dict)

    class LaterSnapshot(Strict):
        observed: Later

    old = json.loads(taken(host(RTX_3090), HostSettings()).text())["observed"]
    later = LaterSnapshot.model_validate_json(json.dumps({"observed": old})).observed
    assert (later.virtualization, later.pci) == ("none", host(RTX_3090).pci)
    assert set(old) == {each.name for each in dataclasses.fields(Observed)}
    assert TypeAdapter(Later).dump_python(later)["bound"] == {}


GOOD = taken(host(RTX_3090), HostSettings())


def changed(**keys: Any) -> bytes:
    return json.dumps({**json.loads(GOOD.text()), **keys}).encode()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is no snapshot of xpulab"),
        (b"[" * 500_000, "is no snapshot of xpulab"),
        (b'{"hosts": {}}', "is no snapshot of xpulab"),
        (b"\xff\xfe", "is no snapshot of xpulab"),
        (changed(format=True), "is no snapshot of xpulab"),
        (
            changed(format=FORMAT + 1, xpulab="9.1"),
            "is of format 2, written by xpulab 9.1, and this",
        ),
        (changed(format=0, xpulab="0.0.1"), "is of format 0, written by xpulab 0.0.1"),
        (changed(observed={}), "observed.os_id: "),
        (changed(watched={"files": ["/etc/a; rm -rf /"]}), "cannot be watched"),
        (changed(more=1), "more: unknown key"),
        (changed(state=1), "state: Input should be a valid string"),
        (changed(**{"x\u001b[2J": 1}), "x?[2J: unknown key"),
        (b" " * (MOST_BYTES + 1), "is larger than 8 MiB"),
    ],
)
def test_what_is_no_snapshot_of_this_format_is_refused_in_words(content: bytes, said: str) -> None:
    with pytest.raises(SnapshotError) as refused:
        parse(content, "bug.json")
    assert str(refused.value).startswith("bug.json: ")
    assert said in str(refused.value)
    assert str(refused.value).isprintable()


def test_a_file_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(SnapshotError, match=r"none\.json: cannot be read"):
        read(tmp_path / "none.json")


def test_nothing_of_a_snapshot_acts_on_the_terminal_that_shows_it() -> None:
    package = {"half\u001b]0;x\u0007\nxpulab: hosts=0": {"version": "1", "intact": False}}
    hostile = changed(
        host="a\nb\u202e", observed={**json.loads(GOOD.text())["observed"], "packages": package}
    )
    snapshot = parse(hostile, "file")
    assert snapshot.host == "a?b?"
    (broken,) = [each for each in drift_of(snapshot) if each[0] == "broken package"]
    assert broken[1] == "half?]0;x??xpulab: hosts=0"


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@profile(max_examples=examples(150), deadline=None)
@given(st.sampled_from(sorted(json.loads(GOOD.text()))), JUNK)
def test_a_hostile_part_is_refused_in_words_or_judged(key: str, junk: Any) -> None:
    try:
        snapshot = parse(changed(**{key: junk}), "bug.json")
    except SnapshotError as refused:
        assert str(refused).startswith("bug.json: ")
    else:
        judge(snapshot, CATALOG, BUILT_IN)


@profile(max_examples=examples(150), deadline=None)
@given(st.sampled_from(sorted(each.name for each in dataclasses.fields(Observed))), st.data())
def test_a_hostile_look_is_refused_in_words_or_judged(key: str, data: st.DataObject) -> None:
    observed = {**json.loads(GOOD.text())["observed"], key: data.draw(JUNK)}
    try:
        snapshot = parse(changed(observed=observed), "bug.json")
    except SnapshotError:
        return
    judge(snapshot, CATALOG, BUILT_IN)


def test_versions_that_are_none_are_a_refusal_and_no_crash() -> None:
    observed = host(RTX_3090, packages={"nvidia-utils-580-server": InstalledPackage("\u00e4 !")})
    assert judge(again(taken(observed, HostSettings())), CATALOG, BUILT_IN).assessment.refusal


def test_a_snapshot_is_one_file_that_its_owner_alone_can_read(tmp_path: Path) -> None:
    place = tmp_path / "new" / "folder"
    path = folder.write(place, GOOD)
    assert (path, path.stat().st_mode & 0o777) == (place / "gpu-01.json", 0o600)
    assert folder.write(place, GOOD) == path
    assert [each.name for each in place.iterdir()] == ["gpu-01.json"]
    assert read(path) == GOOD


def test_a_link_in_the_folder_leads_nowhere(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("mine")
    place = tmp_path / "folder"
    place.mkdir()
    (place / "gpu-01.json").symlink_to(precious)
    assert read(folder.write(place, GOOD)) == GOOD
    assert precious.read_text() == "mine"


def test_a_file_that_cannot_be_finished_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Snapshot, "text", full)
    with pytest.raises(OSError):
        folder.write(tmp_path, GOOD)
    assert list(tmp_path.iterdir()) == []


@given(st.text(), st.text())
def test_a_hosts_name_is_never_a_path_and_no_two_share_a_file(one: str, other: str) -> None:
    name = folder.file_name(one)
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,104}\.json", name)
    assert (name == folder.file_name(other)) == (one == other)


@pytest.mark.parametrize(
    ("host_name", "shape"),
    [
        ("gpu-01.lab", r"gpu-01\.lab\.json"),
        ("@docker/x:y", r"docker-x-y-[0-9a-f]{12}\.json"),
        ("../../etc/passwd", r"etc-passwd-[0-9a-f]{12}\.json"),
        ("..", r"host-[0-9a-f]{12}\.json"),
        ("a" * 300, r"a{80}-[0-9a-f]{12}\.json"),
    ],
)
def test_a_name_is_as_it_is_where_that_is_safe(host_name: str, shape: str) -> None:
    assert re.fullmatch(shape, folder.file_name(host_name))
