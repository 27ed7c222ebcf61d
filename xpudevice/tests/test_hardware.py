from __future__ import annotations

from pathlib import Path

from xpudevice.hardware import (
    cpu_flags,
    cpu_name,
    intel_render_nodes,
    memory_available,
    memory_resident,
    memory_total,
    nvidia_nodes,
)


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def test_render_nodes_of_other_vendors_are_not_intels(tmp_path: Path) -> None:
    root = write(
        tmp_path,
        {
            "dev/dri/card0": "",
            "dev/dri/renderD128": "",
            "dev/dri/renderD129": "",
            "sys/class/drm/renderD128/device/vendor": "0x10de\n",
            "sys/class/drm/renderD129/device/vendor": "0x8086\n",
        },
    )
    assert intel_render_nodes(root) == [root / "dev/dri/renderD129"]


def test_only_cards_count_as_nvidia_nodes(tmp_path: Path) -> None:
    root = write(tmp_path, {"dev/nvidiactl": "", "dev/nvidia-uvm": "", "dev/nvidia0": ""})
    assert nvidia_nodes(root) == [root / "dev/nvidia0"]


def test_the_cpu_is_read_on_x86_and_on_arm(tmp_path: Path) -> None:
    x86 = write(tmp_path / "x86", {"proc/cpuinfo": "model name\t: Xeon\nflags\t\t: sse avx512_bf16\n"})
    arm = write(tmp_path / "arm", {"proc/cpuinfo": "Features\t: fp bf16\n"})
    assert (cpu_name(x86), cpu_flags(x86)) == ("Xeon", {"sse", "avx512_bf16"})
    assert cpu_flags(arm) == {"fp", "bf16"}


def test_memory_is_what_the_control_group_allows(tmp_path: Path) -> None:
    meminfo = {"proc/meminfo": "MemTotal:        1024 kB\nMemAvailable:     512 kB\n"}
    free = write(tmp_path / "free", meminfo | {"sys/fs/cgroup/memory.max": "max\n"})
    limited = write(
        tmp_path / "limited",
        meminfo | {"sys/fs/cgroup/memory.max": "204800\n", "sys/fs/cgroup/memory.current": "104800\n"},
    )
    assert (memory_total(free), memory_available(free)) == (1024 * 1024, 512 * 1024)
    assert (memory_total(limited), memory_available(limited)) == (204800, 100000)


def test_this_machine_says_what_it_has() -> None:
    assert cpu_name() and cpu_flags()
    assert 0 < memory_resident() < memory_total()
    assert 0 < memory_available() <= memory_total()
