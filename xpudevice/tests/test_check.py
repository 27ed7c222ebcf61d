from __future__ import annotations

import json
import re
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from stand_ins import stand_in_cuda
from xpudevice.bench import throughput
from xpudevice.bench.resnet50 import resnet50
from xpudevice.bench.throughput import Measurement, Workload
from xpudevice.check import command, local, memory
from xpudevice.check.command import main
from xpudevice.check.correctness import compare_product, compare_training
from xpudevice.check.local import local_outcomes
from xpudevice.check.memory import check_memory
from xpudevice.check.outcome import Comparison, Outcome
from xpudevice.check.report import Report, as_text
from xpudevice.precision import Bfloat16

CPU = torch.device("cpu")
ALONE = ["--no-distributed"]


def states(outcomes: list[Outcome]) -> dict[str, str]:
    return {each.check: each.state for each in outcomes}


def off_by_one_percent(real: Callable[..., Tensor]) -> Callable[..., Tensor]:
    return lambda *arguments, **named: real(*arguments, **named) * 1.01


def test_this_cpu_passes_and_the_report_is_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(ALONE) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("device       cpu: ")
    assert sum(line.startswith("passed  ") for line in lines) >= 4
    assert lines[-1].startswith("xpu-check: passed=") and " failed=0 " in lines[-1]


def test_json_says_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*ALONE, "--json", "--device", "cpu"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["passed"] is True
    assert report["description"]["device"] == "cpu"
    assert {each["check"] for each in report["outcomes"]} == {
        "device",
        "matmul fp32",
        "matmul bf16",
        "training step fp32",
        "training step bf16",
        "memory",
    }


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_product_that_is_off_by_one_percent_fails(
    monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype
) -> None:
    assert compare_product(CPU, dtype).outcome("matmul", "cpu", "").state == "passed"
    monkeypatch.setattr(torch, "matmul", off_by_one_percent(torch.matmul))
    assert compare_product(CPU, dtype).outcome("matmul", "cpu", "").state == "failed"


@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), 0.0])
def test_a_single_wrong_element_of_a_product_fails(monkeypatch: pytest.MonkeyPatch, wrong: float) -> None:
    real = torch.matmul

    def sabotaged(left: Tensor, right: Tensor) -> Tensor:
        product = real(left, right)
        product[7, 11] = wrong
        return product

    monkeypatch.setattr(torch, "matmul", sabotaged)
    assert compare_product(CPU, torch.float32).outcome("matmul", "cpu", "").state == "failed"


@pytest.mark.parametrize(("dtype", "factor"), [(torch.float32, 1.01), (torch.bfloat16, 1.2)])
def test_a_training_step_with_wrong_gradients_fails(
    monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype, factor: float
) -> None:
    assert compare_training(CPU, dtype).outcome("training", "cpu", "").state == "passed"
    real = nn.Module.to

    def to(module: nn.Module, *arguments: Any, **named: Any) -> nn.Module:
        moved = real(module, *arguments, **named)
        # The reference is in double precision, and stays right.
        if named.get("dtype") == torch.float32:
            next(moved.parameters()).register_hook(lambda gradient: gradient * factor)
        return moved

    monkeypatch.setattr(nn.Module, "to", to)
    assert compare_training(CPU, dtype).outcome("training", "cpu", "").state == "failed"


def test_a_sabotaged_product_makes_the_command_fail_and_say_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(torch, "matmul", off_by_one_percent(torch.matmul))
    assert main(ALONE) == 1
    lines = capsys.readouterr().out.splitlines()
    failed = next(
        index for index, line in enumerate(lines) if line.split()[:3] == ["failed", "matmul", "fp32"]
    )
    assert "relative error 1.0e-02, allowed 1e-05" in lines[failed]
    assert lines[failed + 1].strip().startswith("→ take the host out of use")


def test_a_check_that_raises_fails_and_the_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def sabotaged(left: Tensor, right: Tensor) -> Tensor:
        raise RuntimeError("CUDA error: an illegal memory access was encountered\nmore")

    monkeypatch.setattr(torch, "matmul", sabotaged)
    outcomes = local_outcomes(CPU)
    assert states(outcomes)["matmul fp32"] == "failed"
    assert outcomes[0].detail == "RuntimeError: CUDA error: an illegal memory access was encountered"
    assert states(outcomes)["training step fp32"] == states(outcomes)["memory"] == "passed"


def test_an_error_that_is_not_a_number_fails() -> None:
    assert Comparison(float("nan"), 1e-5).outcome("matmul", "cpu", "").state == "failed"


def test_memory_that_changes_what_is_written_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    real = Tensor.repeat

    def sabotaged(pattern: Tensor, *times: int) -> Tensor:
        written = real(pattern, *times)
        written[-1] += 1
        return written

    monkeypatch.setattr(Tensor, "repeat", sabotaged)
    outcome = check_memory("memory", "cpu", CPU)
    assert outcome.state == "failed"
    assert outcome.detail.startswith("3 of ")


def test_memory_that_is_not_given_back_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    real, kept = Tensor.repeat, []

    def leaking(pattern: Tensor, *times: int) -> Tensor:
        kept.append(real(pattern, *times))
        return kept[-1]

    monkeypatch.setattr(Tensor, "repeat", leaking)
    outcome = check_memory("memory", "cpu", CPU)
    assert outcome.state == "failed"
    assert "were not given back" in outcome.detail


def test_a_device_without_free_memory_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "memory_available", lambda: 1000)
    assert check_memory("memory", "cpu", CPU).state == "failed"


def test_bfloat16_is_skipped_with_the_reason_where_the_device_is_not_good_at_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(local, "bfloat16", lambda device: Bfloat16(False, "the CPU has none"))
    outcomes = local_outcomes(CPU)
    assert states(outcomes)["matmul bf16"] == "skipped"
    assert outcomes[1].detail == "the CPU has none"


def test_a_device_that_was_asked_for_and_is_not_there_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XPULAB_DEVICE", "")
    assert main(["--device", "cuda"]) == 1
    out = capsys.readouterr().out
    assert "failed  device  cuda  XPULAB_DEVICE=cuda, but PyTorch" in out
    assert "→ use a PyTorch that is built for CUDA" in out
    assert "xpu-check: passed=0 failed=1 skipped=0" in out


def test_a_broken_stand_in_card_makes_the_check_of_the_cpu_fail(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stand_in_cuda(monkeypatch, error="CUDA error: no kernel image is available")
    assert main(ALONE) == 1
    out = capsys.readouterr().out
    assert "cuda:0 does not compute: CUDA error: no kernel image is available" in out
    assert "failed=1" in out


def test_every_stand_in_card_of_a_host_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in_cuda(monkeypatch, count=3)
    checked: list[str] = []

    def outcomes(device: torch.device) -> list[Outcome]:
        checked.append(str(device))
        return []

    monkeypatch.setattr(command, "local_outcomes", outcomes)
    main([*ALONE, "--device", "cuda"])
    assert checked == ["cuda:0", "cuda:1", "cuda:2"]


def test_under_torchrun_options_for_one_host_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "one")
    for option in ("--no-distributed", "--bench"):
        with pytest.raises(SystemExit) as exited:
            main([option])
        assert exited.value.code == 2


@pytest.mark.parametrize(("load", "said"), [(0.0, False), (1000.0, True)])
def test_a_bench_on_a_busy_machine_says_so(load: float, said: bool) -> None:
    measurement = Measurement("ResNet-50", "fp32", "images/s", 10.0, 1.0, 0.0, 5)
    text = as_text(Report(None, [Outcome("device", "cpu", "passed", "")], [measurement], 1.0, load))
    assert ("measure again" in text) is said


def test_resnet50_has_the_parameters_of_the_paper() -> None:
    network = resnet50()
    assert sum(each.numel() for each in network.parameters()) == 25_557_032
    with torch.inference_mode():
        assert network.eval()(torch.randn(1, 3, 224, 224)).shape == (1, 1000)


def small_workloads(device: torch.device) -> tuple[Workload, Workload]:
    images, numbers = torch.randn(2, 3, 16, 16), torch.randn(2, 16)
    network = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 14 * 14, 10))
    return (
        Workload("images", "images/s", 2, lambda: network, images),
        Workload("numbers", "rows/s", 2, lambda: nn.Linear(16, 16), numbers),
    )


def test_the_bench_measures_every_variant_of_both_workloads_with_its_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(throughput, "SECONDS_PER_WORKLOAD", 0.0)
    monkeypatch.setattr(throughput, "TURNS", (1, 1))
    monkeypatch.setattr(throughput, "WARM_UP", 0)
    monkeypatch.setattr(throughput, "_workloads", small_workloads)
    monkeypatch.setattr(throughput, "bfloat16", lambda device: Bfloat16(True, ""))
    monkeypatch.setattr(throughput, "int8_error", lambda device: "")
    monkeypatch.setattr(throughput, "torchao_error", lambda: "")
    monkeypatch.setattr(throughput, "_in_8_bits", lambda model, sample: model)
    assert main([*ALONE, "--json", "--bench"]) == 0
    measured = json.loads(capsys.readouterr().out)["measurements"]
    variants = [
        *("fp32 without oneDNN", "fp32", "bf16 by autocast", "bf16 weights"),
        *("optimize(model)", 'optimize(model, precision="int8")'),
    ]
    assert [each["variant"] for each in measured] == variants * 2
    assert all(each["per_second"] > 0 for each in measured)
    assert [(each["ratio"], each["error"]) for each in measured if each["variant"] == "fp32"] == [
        (1.0, 0.0)
    ] * 2
    assert all(0 < each["error"] < 0.02 for each in measured if each["variant"].startswith("bf16"))


def test_the_bench_says_why_it_has_no_int8(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(throughput, "int8_error", lambda device: "the CPU has none of avx512_vnni")
    names = [each.name for each in throughput._variants(CPU)]
    assert "optimize(model)" in names and not any("int8" in each for each in names)
    assert "not measured in int8: the CPU has none of avx512_vnni" in caplog.text


def test_a_measurement_is_a_line_with_its_ratio_and_its_error() -> None:
    measurement = Measurement("ResNet-50", "optimize(model)", "images/s", 40.0, 3.4, 0.0034, 5)
    text = as_text(Report(None, [Outcome("device", "cpu", "passed", "")], [measurement], 1.0, 0.0))
    assert re.search(r"optimize\(model\) +40\.0 +3\.40 +3\.4e-03\n", text)


def test_what_a_stand_in_xpu_leaves_to_the_cpu_is_a_line_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    def computed(device: torch.device) -> list[Outcome]:
        warnings.warn(
            "The operator 'aten::dot on the XPU backend is falling back to run on the CPU.", stacklevel=1
        )
        return []

    monkeypatch.setattr(local, "_computed", computed)
    [outcome] = local_outcomes(torch.device("xpu"))
    assert (outcome.check, outcome.state) == ("fallback", "passed")
    assert outcome.detail == "left to the CPU: aten::dot"
    monkeypatch.setattr(local, "_computed", lambda device: [])
    [outcome] = local_outcomes(torch.device("xpu"))
    assert outcome.detail == "no operator of these checks was left to the CPU"
