"""What dpkg and apt say about packages, parsed."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

DPKG_FORMAT = "${Package}\\t${Version}\\t${db:Status-Want}\\t${db:Status-Status}\\n"
INDEX_FORMAT = "$(DESCRIPTION)|$(ORIGIN)|$(REPO_URI)|$(SOURCESENTRY)"

_VERSION_LINE = re.compile(r"^ (?:\*{3}| {3}) (\S+) (-?\d+)(?: \(.*\))?$")
_SOURCE_LINE = re.compile(r"^ {6,}(-?\d+) (.+)$")


@dataclass(frozen=True)
class Package:
    """A package dpkg knows; `want` is `hold` for a held one, `status` is `installed` for a whole one."""

    version: str
    want: str
    status: str

    @property
    def upstream_version(self) -> str:
        """The version without epoch and packaging revision."""
        version = self.version.split(":", 1)[-1]
        return version.rpartition("-")[0] or version


def parse_packages(text: str) -> dict[str, Package]:
    """Packages by name from `dpkg-query -W -f DPKG_FORMAT`; those only remembered are left out."""
    packages = {}
    for line in text.splitlines():
        name, version, want, status = line.split("\t")
        if status not in ("not-installed", "config-files"):
            packages[name] = Package(version, want, status)
    return packages


@dataclass
class Offer:
    """One version that apt knows, its pin priority, and the indexes that offer it."""

    version: str
    priority: int
    indexes: list[str] = field(default_factory=list)


@dataclass
class Policy:
    """What `apt-cache policy` says about one package."""

    name: str
    installed: str | None = None
    candidate: str | None = None
    offers: list[Offer] = field(default_factory=list)

    def indexes_of(self, version: str | None) -> list[str]:
        """Indexes that offer a version; none when it is only installed."""
        return [index for offer in self.offers if offer.version == version for index in offer.indexes]


def parse_policies(text: str) -> dict[str, Policy]:
    """Policies by package name from `LC_ALL=C apt-cache policy NAME...`."""
    policies: dict[str, Policy] = {}
    current = Policy("")
    for line in text.splitlines():
        if re.match(r"^\S+:$", line):
            current = policies.setdefault(line[:-1], Policy(line[:-1]))
        elif line.startswith("  Installed: "):
            current.installed = _known(line)
        elif line.startswith("  Candidate: "):
            current.candidate = _known(line)
        elif version := _VERSION_LINE.match(line):
            current.offers.append(Offer(version[1], int(version[2])))
        elif (source := _SOURCE_LINE.match(line)) and current.offers and source[2] != "/var/lib/dpkg/status":
            current.offers[-1].indexes.append(" ".join(source[2].split()))
    return policies


def _known(line: str) -> str | None:
    value = line.split(": ", 1)[1]
    return None if value == "(none)" else value


@dataclass(frozen=True)
class Index:
    """A configured package index: who publishes it, from where, and the file that configures it."""

    origin: str
    uri: str
    configured_in: str

    @property
    def publisher(self) -> str:
        """One name for all mirrors and pockets of the distribution, else the repository's address."""
        distribution = re.match(r"(Ubuntu|Debian)", self.origin)
        return f"the {distribution[1]} archive" if distribution else self.uri


def parse_indexes(text: str) -> dict[str, Index]:
    """Indexes by their description, as policies name them, from `apt-get indextargets`."""
    indexes = {}
    for line in text.splitlines():
        description, origin, uri, entry = line.split("|")
        indexes[" ".join(description.split())] = Index(origin, uri, entry.rpartition(":")[0])
    return indexes


def parse_config_list(text: str, key: str) -> list[str]:
    """Values of a list option from `apt-config dump`."""
    return re.findall(rf'^{re.escape(key)}:: "(.*)";$', text, re.MULTILINE)


def entries_without_key(path: str, text: str) -> list[str]:
    """Source entries of one file that name no Signed-By key of their own."""
    if path.endswith(".sources"):
        stanzas = re.split(r"\n\s*\n", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).strip())
        bare = [each for each in stanzas if each and not re.search(r"^Signed-By:", each, re.I | re.M)]
        return [each.splitlines()[0] for each in bare if not re.search(r"^Enabled:\s*no", each, re.I | re.M)]
    active = [line for line in text.splitlines() if line.startswith("deb ")]
    return [line for line in active if not re.match(r"deb\s+\[[^]]*signed-by=", line)]
