"""Devices and processes: the same training shared out, and plain words where a machine falls short."""

import json
import os
import shutil
import subprocess
import sys

import pytest
import torch

from tapeline.closure import ROOT
from tapeline.errors import ParamsError
from tapeline.nets.devices import COMPILERS, make_fabric, memory_advice, precision_advice
from tapeline.nets.folds import run_fold
from tests.nets.problem import ROWS, make_net, problem, run, table_of, train_params


@pytest.mark.slow
@pytest.mark.parametrize(("launcher", "seeds"), [("torchrun", "1"), ("fabric", "2")])
@pytest.mark.parametrize("network", ["lstm", "transformer"])
def test_two_processes_train_as_one(tmp_path, network, launcher, seeds):
    """Under torchrun, or started by Fabric: each epoch's losses within 1e-3 of one process's; dropout off."""
    command = [sys.executable, "-m"]
    if launcher == "torchrun":
        command += ["torch.distributed.run", "--standalone", "--nproc-per-node=2", "-m"]
    command += ["tests.nets.train_once", network, str(tmp_path), "2", "0.0", seeds]
    env = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr[-3000:]
    both = json.loads((tmp_path / "history.json").read_text())
    params, net = train_params(epochs=8, patience=8, seeds=int(seeds)), make_net(network, dropout=0.0)
    alone = run_fold(make_fabric(params), net, table_of(*problem()), ROWS, params, network).history
    assert len(both) == len(alone)
    for one, two in zip(alone, both, strict=True):
        assert two["training_loss"] == pytest.approx(one["training_loss"], abs=1e-3)
        assert two["validation_loss"] == pytest.approx(one["validation_loss"], abs=1e-3)


def test_as_many_processes_as_params_say(monkeypatch):
    """Under torchrun with another number, the param is named: it is part of the recipe."""
    monkeypatch.setenv("WORLD_SIZE", "4")
    with pytest.raises(ParamsError, match="train.processes is 1: torchrun started 4; must be equal"):
        make_fabric(train_params())


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_missing_device_is_named():
    """`cuda` without one says what is allowed."""
    with pytest.raises(
        ParamsError, match="train.device is 'cuda': no CUDA device is here; must be auto or cpu"
    ):
        make_fabric(train_params(device="cuda"))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("network", ["lstm", "transformer"])
def test_cuda_repeats_itself(network):
    """Two deterministic trainings on CUDA have equal losses, and about those of the CPU."""
    one, two = (run(network, *problem(), train_params(device="cuda", seeds=2)) for _ in range(2))
    assert one.history == two.history
    cpu = run(network, *problem())
    assert one.history[0]["validation_loss"] == pytest.approx(cpu.history[0]["validation_loss"], abs=0.02)


def test_compiling_needs_a_compiler(monkeypatch):
    """Without one, the param is named before anything is trained."""
    monkeypatch.setenv("PATH", "")
    with pytest.raises(
        ParamsError, match=r"train.compile is True: needs a C\+\+ compiler, one of g\+\+, clang"
    ):
        make_fabric(train_params(compile=True))


@pytest.mark.slow
@pytest.mark.skipif(not any(map(shutil.which, COMPILERS)), reason="no C++ compiler")
@pytest.mark.parametrize("network", ["lstm", "transformer"])
def test_a_compiled_network_learns_the_same(network):
    """Losses are those of the plain network, to rounding."""
    plain, compiled = (run(network, *problem(), train_params(epochs=2, compile=c)) for c in (False, True))
    for one, two in zip(plain.history, compiled.history, strict=True):
        assert two["validation_loss"] == pytest.approx(one["validation_loss"], abs=0.02)


@pytest.mark.parametrize(
    ("precision", "device", "has", "is_told"),
    [
        ("bf16-mixed", "cpu", {"avx512_f": True, "avx512_bf16": False, "amx_bf16": False}, True),
        ("bf16-mixed", "cpu", {"avx512_f": True, "avx512_bf16": True, "amx_bf16": False}, False),
        ("bf16-mixed", "cuda", {"avx512_bf16": False}, False),
        ("32-true", "cpu", {"avx512_bf16": False}, False),
    ],
)
def test_a_processor_without_bfloat16_is_told(monkeypatch, precision, device, has, is_told):
    """That it takes longer so, by the name of the param; nobody else hears of it."""
    monkeypatch.setattr("torch.cpu.get_capabilities", lambda: has)
    told = precision_advice(torch.device(device), train_params(precision=precision))
    assert ("train.precision is bf16-mixed" in told) == is_told == bool(told)


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes"),
        MemoryError(),
    ],
)
def test_out_of_memory_names_what_to_lower(error):
    """On CUDA, on the CPU and in NumPy."""
    with pytest.raises(
        ParamsError, match=r"train.batch_size is 256: out of memory; raise train.accumulation"
    ):
        with memory_advice(train_params()):
            raise error


def test_real_allocations_fail_that_way():
    """What torch itself says when it can't allocate is understood; other errors pass."""
    with pytest.raises(ParamsError, match="out of memory"), memory_advice(train_params()):
        torch.empty(2**60)
    with pytest.raises(RuntimeError, match="shape"), memory_advice(train_params()):
        torch.zeros(2).reshape(3)
