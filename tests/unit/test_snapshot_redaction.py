"""What is not in a snapshot: secrets, users' names, serial numbers. What differs stays the same without."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as profile
from hypothesis import strategies as st

from tests.unit.examples import examples
from tests.unit.sample_hosts import RTX_3090, host
from tests.unit.sample_workbenches import public_key
from tests.unit.snapshot_samples import CATALOG, live, taken
from xpulab.desired.kinds.file import File
from xpulab.desired.kinds.json_settings import JsonSettings
from xpulab.desired.manifest import Manifest
from xpulab.desired.masking import MASK
from xpulab.desired.role import Role, sections
from xpulab.inventory.settings import HostSettings, with_sections
from xpulab.probing.observed import (
    AptLock,
    AptSource,
    FoundContainer,
    FoundFile,
    FoundGroup,
    FoundImage,
    Observed,
)
from xpulab.probing.watched import Watched
from xpulab.pull.last_pull import NAME as LAST_PULL
from xpulab.roles import BUILT_IN
from xpulab.schema.strict import Strict
from xpulab.snapshots.judging import judge
from xpulab.snapshots.redaction import STAND_IN
from xpulab.snapshots.snapshot import Snapshot

DAEMON = "/etc/docker/daemon.json"
AGENT, NOTES, SERIAL = "/etc/agent.json", "/etc/agent.conf", "serial-of-board"


class Agent(Strict):
    """What an inventory says of a lab's own role."""

    login: str = "nobody"
    password: str = ""
    proxy: str = ""
    owners: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()


def _wanted(target: Any, settings: HostSettings, catalog: Any) -> Manifest:
    agent = settings.section(Agent) or Agent()
    text = f"login {agent.login}\npassword {agent.password}\nproxy {agent.proxy}\n"
    return Manifest((File(NOTES, text), JsonSettings(AGENT, {"level": 3, "login": agent.login})))


def _watched(settings: HostSettings, catalog: Any) -> Watched:
    facts = {SERIAL: "dmidecode", "level": "cat /level", "motd": "curl -H 'Token: hunter2' http://x"}
    return Watched(files=(NOTES, "/home/*/.agent"), contents=(AGENT, NOTES), facts=facts)


OWN = Role("agent", _wanted, watched=_watched, section=Agent)
ROLES = (*BUILT_IN, OWN)
SETTINGS = with_sections(HostSettings, sections(ROLES))


def content(path: str, text: str) -> tuple[Any, Snapshot]:
    """What of a file's text is in a snapshot."""
    snapshot = taken(host(contents={path: text}), HostSettings())
    shown = snapshot.observed.contents[path]
    return (shown if shown.startswith(STAND_IN) else json.loads(shown)), snapshot


@pytest.mark.parametrize(
    ("there", "shown"),
    [
        ({"data-root": "/srv/docker", "n": [True, 3]}, {"data-root": "/srv/docker", "n": [True, 3]}),
        ({"log-opts": {"splunk-token": "abc"}}, {"log-opts": {"splunk-token": MASK}}),
        ({"auths": {"registry.lab": {"auth": "dTpw"}}}, {"auths": MASK}),
        ({"password": None, "token": ""}, {"password": None, "token": ""}),
        ({"pin-secret": [1, 2]}, {"pin-secret": MASK}),
        ({"proxies": {"http-proxy": "http://u:p@proxy:3128"}}, {"proxies": {"http-proxy": f"http://{MASK}@proxy:3128"}}),
        ({"mirrors": ["https://m/x?sig=abc&e=1"]}, {"mirrors": [f"https://m/x?{MASK}"]}),
        ({"labels": ["api_key=abc", "room=2"]}, {"labels": [f"api_key={MASK}", "room=2"]}),
        ({"https://u:p@mirror/": 1}, {f"https://{MASK}@mirror/": 1}),
        ({"serial-number": "S1", "machine_id": 12}, {"serial-number": MASK, "machine_id": MASK}),
        ({"userns-remap": "ada:ada", "by": "ada"}, {"userns-remap": "user1:user1", "by": "user1"}),
        ({"at": "/home/zo/x", "of": "zo, not zoology"}, {"at": "/home/user1/x", "of": "user1, not zoology"}),
        ({"group": "docker", "user": "ubuntu"}, {"group": "docker", "user": "ubuntu"}),
        ({"a": "-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----"}, {"a": "\n".join([MASK] * 3)}),
    ],
)  # fmt: skip
def test_of_a_json_file_all_stays_but_what_is_secret_or_names_people(there: Any, shown: Any) -> None:
    found, snapshot = content(DAEMON, json.dumps(there))
    assert found == shown
    masked = [each.what for each in snapshot.left_out]
    assert masked == ([f"text of {DAEMON}"] if MASK in json.dumps(shown) else [])


def test_a_text_that_is_no_json_is_left_out_and_the_snapshot_says_so() -> None:
    found, snapshot = content("/etc/x.conf", "password hunter2")
    assert found == STAND_IN
    assert [(each.what, each.why) for each in snapshot.left_out] == [("text of /etc/x.conf", "it is no JSON")]


def test_of_a_text_that_is_no_json_lines_stay_that_can_hold_no_secret() -> None:
    """An option that xpulab corrects in somebody else's file differs in a snapshot, too."""
    path = "/etc/nvidia-container-runtime/config.toml"
    text = '[nvidia-container-cli]\nno-cgroups = true\nuser = "ada:ada"\npin-secret = 1234\n#debug = true\n'
    found, _ = content(path, text)
    assert found == f"{STAND_IN}no-cgroups = true\n"
    snapshot = taken(host(RTX_3090, contents={path: text}), HostSettings())
    drift = judge(snapshot, CATALOG, BUILT_IN).assessment.drift
    there = [(each.name, each.found) for each in drift if each.kind == "option"]
    assert there == [(f"{path} no-cgroups", "true")]
    assert snapshot.untold == ()


def test_users_have_the_same_substitutes_everywhere_and_those_of_the_lab_come_first() -> None:
    observed = host(
        users={"grace": "grace", "ada": "ada@corp.example"},
        groups={"video": FoundGroup(44, frozenset({"ada@corp.example", "anna", "root"}))},
        files={"/home/anna/.x": FoundFile("0" * 64, "0644", "anna:anna", 1.0, 1)},
        images=(FoundImage("anna/thesis", "1", None),),
    )
    snapshot = taken(observed, HostSettings(users=("grace", "ada")))
    assert snapshot.settings["users"] == ["user1", "user2"]
    assert snapshot.observed.users == {"user1": "user1", "user2": "user3"}
    assert snapshot.observed.groups["video"].members == {"user3", "user4", "root"}
    assert snapshot.observed.files["/home/user4/.x"].owner == "user4:user4"
    assert snapshot.observed.images[0].repository == "user4/thesis"


def test_what_was_made_of_the_host_names_nobody_either() -> None:
    snapshot = taken(host(), HostSettings(users=("anna",)))
    reason = "user 'user1' of the inventory does not exist on this host"
    assert (snapshot.state, snapshot.reason) == ("refused", reason)


def test_a_user_who_is_called_like_a_substitute_is_not_taken_for_another() -> None:
    names = {"ada": "ada", "user1": "user1"}
    observed = host(users=names, groups={"docker": FoundGroup(9, frozenset({"user1"}))})
    settings = HostSettings(users=("ada", "user1"))
    snapshot = taken(observed, settings)
    drift = judge(snapshot, CATALOG, BUILT_IN).assessment.drift
    assert [each.name for each in drift if each.kind == "group membership"] == ["user1 in docker"]
    assert [each.name for each in live(observed, settings).drift if each.kind == "group membership"] == [
        "ada in docker"
    ]
    assert snapshot.untold == ()


def test_of_a_file_that_not_everybody_may_read_there_is_no_sum() -> None:
    observed = host(files={"/etc/s": FoundFile("ab" * 32, "0640", "root:adm", 1.0, 9)})
    assert taken(observed, HostSettings()).observed.files["/etc/s"].sha256 == "0" * 64


def test_a_mirror_whose_address_holds_a_secret_is_left_out_of_the_settings() -> None:
    uri = "https://packages.example/4f1d2a3b4c5d6e7f8a9b0c1d/ubuntu"
    settings = HostSettings.model_validate(
        {"repositories": {"intel-oneapi": {"uri": uri}, "docker": {"uri": "http://m"}}}
    )
    snapshot = taken(host(), settings)
    assert list(snapshot.settings["repositories"]) == ["docker"]
    assert [each.what for each in snapshot.left_out] == ["repositories.intel-oneapi of its inventory"]


def test_a_fact_of_a_labs_own_is_kept_where_it_is_a_number_or_a_yes_or_no() -> None:
    facts = {"level": "3\n", SERIAL: "1234567", "motd": "welcome", LAST_PULL: "1\nwords=hello"}
    snapshot = taken(host(facts=facts), SETTINGS(), ROLES)
    assert snapshot.observed.facts == {"level": "3\n"}
    assert dict(snapshot.watched.facts) == {"level": ""}
    assert {each.what for each in snapshot.left_out} == {f"fact {name}" for name in facts if name != "level"}


WORD = st.from_regex(r"[a-z]{12,16}", fullmatch=True).map(lambda word: f"zq{word}")
SECRET = st.from_regex(r"[A-Za-z0-9]{12,20}", fullmatch=True).map(lambda word: f"Zq{word}")


@st.composite
def planted(draw: st.DrawFn) -> tuple[Observed, HostSettings, list[str]]:
    """A host and its settings with secrets and names all over, and those that must not be seen."""
    hidden: list[str] = []

    def name() -> str:
        hidden.append(draw(WORD))
        return hidden[-1]

    def secret() -> str:
        hidden.append(draw(SECRET))
        return hidden[-1]

    user, member, owner, home, author, directory = (name() for _ in range(6))
    key = f"ssh-ed25519 AAAA{secret()}AAAA {name()}@{name()}"
    document = {
        "log-opts": {f"splunk-{draw(st.sampled_from(['token', 'password', 'api-key']))}": secret()},
        "auths": {f"{secret()}.example": {"auth": secret()}},
        "proxies": {"http-proxy": f"http://{author}:{secret()}@proxy:3128/"},
        "note": f"written by {user}, for {member} and /home/{home}/docker",
        "mirror": f"https://m.example/{secret()}0123456789a/x?{secret()}={secret()}",
        "env": [f"HF_TOKEN={secret()}", f"hf_{secret()}", f"--password {secret()}"],
        "serial": secret(),
        "known": key,
        "level": draw(st.integers(0, 5)),
        "login": user,
    }
    observed = host(
        *draw(st.sampled_from([(), (RTX_3090,)])),
        boot_id=secret(),
        users={user: directory, "root": "root"},
        groups={"video": FoundGroup(44, frozenset({directory, member, "root"}))},
        files={
            NOTES: FoundFile("a" * 64, "0644", f"{owner}:{owner}", 1.0, 1),
            f"/home/{home}/.agent": FoundFile("b" * 64, "0600", "root:root", 1.0, 1),
        },
        contents={
            DAEMON: json.dumps(document, indent=draw(st.sampled_from([None, 4]))),
            AGENT: json.dumps(document),
            NOTES: f"login {name()}\npassword {secret()}\n",
        },
        facts={SERIAL: secret(), "motd": name(), "level": "3", LAST_PULL: f"1\nwords={secret()}"},
        apt_sources=(
            AptSource("/etc/apt/sources.list", f"https://{name()}:{secret()}@mirror/ubuntu", "jammy"),
            AptSource("/etc/apt/sources.list", f"https://m/{secret()}0123456789a/ubuntu", "jammy"),
        ),
        apt_lock=AptLock("/var/lib/dpkg/lock", 7, user),
        images=(FoundImage(f"registry.lab/{member}/thesis", "1", None),),
        containers={"xpulab-workbench": FoundContainer("running", "healthy", f"r.lab/{user}/x@sha256:0", "")},
    )  # fmt: skip
    settings = SETTINGS.model_validate(
        {
            "users": [user],
            "agent": {
                "login": user,
                "password": secret(),
                "proxy": f"http://{name()}:{secret()}@proxy/",
                "owners": [name()],
                "keys": [key],
            },
            "pull": {"url": "https://r/l", "signers": [public_key()]},
        }
    )
    return observed, settings, hidden


@profile(max_examples=examples(100), deadline=None)
@given(planted())
def test_nothing_that_was_planted_is_in_the_snapshot_and_no_difference_is_invented(
    sown: tuple[Observed, HostSettings, list[str]],
) -> None:
    observed, settings, hidden = sown
    snapshot = taken(observed, settings, ROLES)
    text = snapshot.text()
    assert [each for each in hidden if each in text] == []
    assert public_key().split()[-1] not in text
    there = {
        (each.kind, each.name.replace(settings.users[0], "user1"))
        for each in live(observed, settings, ROLES).drift
    }
    told = judge(snapshot, CATALOG, ROLES).assessment
    assert told.refusal is None
    assert {(each.kind, each.name) for each in told.drift} <= there
    untold = {(each.kind, each.name) for each in snapshot.untold}
    assert there <= {(each.kind, each.name) for each in told.drift} | untold
