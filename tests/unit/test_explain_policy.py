"""`xpulab explain --policy key=value`: every key of the schema, and what is said of a wrong one."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from tests.unit.sample_hosts import RTX_3090
from xpulab import command as cli
from xpulab.catalog.models import Catalog
from xpulab.desired.manifest import Manifest
from xpulab.desired.role import Role
from xpulab.explaining.policy_options import keys, policy_of
from xpulab.inventory.settings import HostSettings, Policy
from xpulab.resolving.target import Target

SCHEMA: dict[str, dict[str, Any]] = Policy.model_json_schema()["properties"]
KEYS = list(Policy.model_fields)


def run(*arguments: str) -> tuple[Result, list[Policy]]:
    """The answer for an RTX 3090, and the policies that reached its roles."""
    reached: list[Policy] = []

    def wanted(target: Target, settings: HostSettings, catalog: Catalog) -> Manifest:
        reached.append(settings.policy)
        return Manifest()

    return CliRunner().invoke(
        cli.build((Role("observer", wanted),)), ["explain", RTX_3090, *arguments]
    ), reached


def words(result: Result) -> str:
    """What was said, without the frame around it."""
    return " ".join(re.sub("[│╭╮╰╯─]", " ", result.output).split())


def values(key: str) -> st.SearchStrategy[Any]:
    """Values of every kind that the schema allows for a key."""
    said = next(each for each in SCHEMA[key].get("anyOf", [SCHEMA[key]]) if each.get("type") != "null")
    if "enum" in said:
        return st.sampled_from(said["enum"])
    if said["type"] == "boolean":
        return st.booleans()
    if said["type"] == "integer":
        return st.integers(said["minimum"], said["maximum"])
    return st.from_regex(re.compile(said["pattern"].replace(r"\d", "[0-9]")), fullmatch=True)


def another(key: str) -> str:
    """A value that is not the default."""
    said = next(each for each in SCHEMA[key].get("anyOf", [SCHEMA[key]]) if each.get("type") != "null")
    some = [*said.get("enum", ()), *said.get("examples", ()), "false" if said["type"] == "boolean" else "60"]
    return next(str(value) for value in some if value != SCHEMA[key]["default"])


@given(st.fixed_dictionaries({}, optional={key: values(key) for key in KEYS}), st.sets(st.sampled_from(KEYS)))
def test_any_values_of_any_keys_are_typed_by_the_schema_however_they_are_given(
    said: dict[str, Any], by_option: set[str]
) -> None:
    pairs = [f"{key}={value}" for key, value in said.items() if key not in by_option]
    options = {key: str(said[key]) if key in said and key in by_option else None for key in KEYS}
    assert policy_of(pairs, options) == Policy(**said)


@pytest.mark.parametrize("key", KEYS)
def test_every_key_reaches_the_roles_by_policy_and_by_its_own_option(key: str) -> None:
    expected = Policy.model_validate({key: another(key)})
    assert expected != Policy()
    for arguments in (("--policy", f"{key}={another(key)}"), (f"--{key.replace('_', '-')}", another(key))):
        result, reached = run(*arguments)
        assert result.exit_code == 0, result.output
        assert reached == [expected]


def test_policy_may_be_given_as_often_as_needed() -> None:
    _, reached = run("--policy", "oneapi=no", "--policy", "apt_lock_wait=60", "--prefer", "intel")
    assert reached == [Policy(oneapi=False, apt_lock_wait=60, prefer="intel")]


def test_help_has_every_key_with_its_values_its_default_and_its_meaning(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    result, _ = run("--help")
    lines = result.output.splitlines()
    for key in keys():
        (line,) = [line for line in lines if f" {key.option} " in line]
        assert len(key.meaning) > 20 and key.meaning.rstrip(".") in line
        assert f"({key.values}" in line and (not key.default or f"default: {key.default})" in line)
    assert [key.name for key in keys()] == KEYS
    assert {key.name: key.values for key in keys()}.items() >= {
        "nvidia_driver": "such as 595",
        "intel_channel": "unified, ppa, distribution, lts/2523 or lts/2350",
        "oneapi": "true or false",
        "apt_lock_wait": "1 to 7200",
    }.items()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--policy", "nvidia_drivr=595"), "unknown key 'nvidia_drivr', did you mean nvidia_driver?"),
        (("--policy", "jupyter_port=1"), "unknown key 'jupyter_port', it has torch, prefer, nvidia_driver"),
        (("--policy", "prefer=nvidai"), "'nvidia', 'intel' or 'both' (found 'nvidai'), did you mean nvidia?"),
        (("--intel-channel", "lts/2532"), "(found 'lts/2532'), did you mean lts/2523?"),
        (("--policy", "nvidia_driver=latest"), "nvidia_driver: String should match"),
        (("--nvidia-driver", "latest"), "(found 'latest'): give one such as 595"),
        (("--policy", "apt_lock_wait=0"), "greater than or equal to 1 (found '0')"),
        (("--policy", "oneapi=perhaps"), "oneapi: Input should be a valid boolean"),
        (("--policy", "oneapi"), "--policy takes key=value, such as prefer=intel (found 'oneapi')"),
        (("--policy", "torch=2.9", "--torch", "2.8"), "torch is said twice ('2.8' and '2.9')"),
        (("--policy", "prefer=ppa", "--policy", "torch=x"), "give one such as 2.9; policy: prefer: Input"),
    ],
)
def test_a_wrong_key_or_value_is_wrong_usage_in_words(
    arguments: tuple[str, ...], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    result, reached = run(*arguments)
    assert result.exit_code == 2 and not reached
    assert said in words(result)
