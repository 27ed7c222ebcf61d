import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import yaml

sys.path.append(str(Path(__file__).parents[2] / "testbed"))

from vlab.hosts import load_lab
from vlab.lab import PYPI_NAMES
from vlab.packages import load_packages
from vlab.places import ROOT, SOURCES
from vlab.repositories import load_repositories
from vlab.steps import digest


def test_every_host_has_an_address_of_its_own_on_the_loopback_network() -> None:
    addresses = [host.address for host in load_lab().hosts.values()]
    assert len(set(addresses)) == len(addresses)
    assert all(address.startswith("127.0.10.") for address in addresses)


def test_every_host_runs_a_kernel_that_the_lab_has() -> None:
    lab = load_lab()
    assert {(host.os, host.kernel) for host in lab.hosts.values()} <= set(lab.images())


def test_every_system_has_its_files_and_its_boxes() -> None:
    vagrantfile = (ROOT / "Vagrantfile").read_text()
    for system in load_lab().systems:
        assert (ROOT / "testbed/host/systems" / system / "usr/lib/os-release").is_file()
        assert f'"{system}" => ' in vagrantfile


def test_upstream_has_all_of_the_catalogs_repositories_and_images() -> None:
    catalog = ROOT / "xpulab" / "catalog"
    assert set(yaml.safe_load((catalog / "repositories.yml").read_text())) <= set(load_repositories())
    images = yaml.safe_load((catalog / "images.yml").read_text())
    tags = {f"{name}:{tag}" for name, about in images.items() for tag in about["tags"]}
    systems = yaml.safe_load((catalog / "workbench.yml").read_text())["systems"]
    bases = {about["image"] for about in systems.values()}
    assert tags | bases <= set(yaml.safe_load((ROOT / "testbed/images.yml").read_text()))


def test_upstream_answers_for_every_index_of_wheels() -> None:
    wheels = yaml.safe_load((ROOT / "xpulab/catalog/workbench.yml").read_text())["wheels"]
    assert {about["index"].split("/")[2] for about in wheels.values()} <= set(PYPI_NAMES)


def test_an_image_is_dressed_as_a_system_that_the_lab_has() -> None:
    images = yaml.safe_load((ROOT / "testbed/images.yml").read_text())
    assert {about["os"] for about in images.values()} <= set(load_lab().systems)


def test_no_package_is_built_twice_for_one_suite() -> None:
    seen = Counter(
        (package.repository, suite, package.name, package.version)
        for package in load_packages()
        for suite in package.suites or [""]
    )
    assert [package for package, times in seen.items() if times > 1] == []


def test_every_package_goes_to_a_suite_and_component_that_is_published() -> None:
    repositories = load_repositories()
    for package in load_packages():
        suites = repositories[package.repository].suites
        assert set(package.suites) <= set(suites), package.name
        for suite in package.suites:
            assert package.component in suites[suite], package.name


def test_the_toolkit_packages_ask_for_each_other_at_one_exact_version() -> None:
    for package in load_packages():
        if package.repository == "nvidia-container-toolkit" and "Depends" in package.relations:
            for relation in package.relations["Depends"].split(", "):
                assert relation.endswith(f"(= {package.version})")


def test_a_step_of_the_build_cannot_name_a_source_that_is_gone() -> None:
    with pytest.raises(FileNotFoundError, match=r"debs\.py is gone"):
        digest(SOURCES / "debs.py")


def test_the_stand_in_for_pytorch_lets_xpudevice_be_imported(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "testbed" / "torch" / "torch", tmp_path / "torch")
    build = 'VERSION, CUDA, XPU, EXTENSION = "2.14.1+cu130", "13.0", None, None\n'
    (tmp_path / "torch" / "build.py").write_text(build)
    done = subprocess.run(
        [sys.executable, "-c", "import xpudevice, torch; print(torch.__version__)"],
        env={"PYTHONPATH": f"{tmp_path}:{ROOT / 'xpudevice' / 'src'}"},
        capture_output=True,
        text=True,
    )
    assert done.stdout == "2.14.1+cu130\n", done.stderr
