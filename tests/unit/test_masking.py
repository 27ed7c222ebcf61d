from __future__ import annotations

import pytest

from xpulab.desired.masking import MASK, masked, masked_lines, masked_value


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("password = hunter2", f"password = {MASK}"),
        ('    "registry-token": "abc",', f'    "registry-token": {MASK}'),
        ("HF_TOKEN=abc", f"HF_TOKEN={MASK}"),
        ("export AWS_SECRET_ACCESS_KEY='abc def'", f"export AWS_SECRET_ACCESS_KEY={MASK}"),
        ("Authorization: Bearer abc", f"Authorization: {MASK}"),
        ('"auth": "dXNlcjpwYXNz"', f'"auth": {MASK}'),
        (
            "ExecStart=/usr/bin/agent --api-key abc --port 8",
            f"ExecStart=/usr/bin/agent --api-key {MASK} --port 8",
        ),
        ("URIs: https://lab:hunter2@mirror/apt", f"URIs: https://{MASK}@mirror/apt"),
        ("login with hf_abcdefghijklmnop today", f"login with {MASK} today"),
        ("key ghp_0123456789abcdef", f"key {MASK}"),
    ],
)
def test_a_value_that_is_secret_by_name_or_by_looks_is_masked(line: str, shown: str) -> None:
    assert masked_lines([line]) == [shown]


@pytest.mark.parametrize(
    "line",
    [
        'DPkg::Lock::Timeout "600";',
        "Signed-By: /etc/apt/keyrings/xpulab-docker.gpg",
        "URIs: https://nvidia.github.io/libnvidia-container/stable/deb/amd64",
        '"image": "pytorch/pytorch@sha256:0123456789abcdef0123456789abcdef"',
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI ops@lab",
        "bypass: yes",
        "author: somebody",
    ],
)
def test_what_is_no_secret_is_shown(line: str) -> None:
    assert masked_lines([line]) == [line]


def test_of_a_private_key_every_line_is_masked_and_what_follows_is_shown() -> None:
    key = ["-----BEGIN OPENSSH PRIVATE KEY-----", "b3BlbnNzaC1r", "-----END OPENSSH PRIVATE KEY-----"]
    assert masked_lines(["before", *key, "after"]) == ["before", MASK, MASK, MASK, "after"]


def test_a_setting_is_masked_by_its_name_and_words_by_their_looks_alone() -> None:
    assert masked_value("proxies.password", '"x"') == MASK
    assert masked_value("proxies.http-proxy", '"http://u:p@proxy"') == f'"http://{MASK}@proxy"'
    assert masked("libsecret-1-0: not there → installed") == "libsecret-1-0: not there → installed"
