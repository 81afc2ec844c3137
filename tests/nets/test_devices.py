"""Devices and processes: the same training shared out, and plain words where a machine falls short."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import psutil
import pytest
import torch

from tapeline.closure import ROOT
from tapeline.errors import ClusterError, ParamsError
from tapeline.nets.devices import COMPILERS, lost_process_advice, make_fabric, memory_advice, precision_advice
from tapeline.nets.folds import run_fold
from tests.nets.problem import ROWS, make_net, problem, run, table_of, train_params, weights


def start(nodes, *arguments):
    """Start one training: by Fabric alone, or by torchrun, of one process on each of `nodes` nodes."""
    env = os.environ | {"OMP_NUM_THREADS": "1"}
    begun = {"cwd": ROOT, "env": env, "text": True, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    command = ["tests.nets.train_once", *map(str, arguments)]
    if not nodes:
        return [subprocess.Popen([sys.executable, "-m", *command], **begun)]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    launcher = [
        sys.executable, "-m", "torch.distributed.run", f"--nnodes={nodes}", "--nproc-per-node=1",
        "--rdzv-backend=c10d", f"--rdzv-endpoint=127.0.0.1:{port}", "--rdzv-id=test",
        "--local-addr=127.0.0.1", "-m",
    ]  # fmt: skip
    return [subprocess.Popen([*launcher, *command], **begun) for _ in range(nodes)]


@pytest.mark.slow
@pytest.mark.parametrize(("nodes", "seeds"), [(2, "1"), (0, "2")], ids=["torchrun", "fabric"])
@pytest.mark.parametrize("network", ["lstm", "transformer"])
def test_two_processes_train_as_one(tmp_path, network, nodes, seeds):
    """On two nodes, or started by Fabric: losses and weights within 1e-3 of one process's; dropout off."""
    for process in start(nodes, network, tmp_path, 2, 0.0, seeds):
        errors = process.communicate(timeout=240)[1]
        assert process.returncode == 0, errors[-3000:]
    both = json.loads((tmp_path / "history.json").read_text())
    params, net = train_params(epochs=8, patience=8, seeds=int(seeds)), make_net(network, dropout=0.0)
    result = run_fold(make_fabric(params), net, table_of(*problem()), ROWS, params, network)
    assert len(both) == len(result.history)
    for one, two in zip(result.history, both, strict=True):
        assert two["training_loss"] == pytest.approx(one["training_loss"], abs=1e-3)
        assert two["validation_loss"] == pytest.approx(one["validation_loss"], abs=1e-3)
    shared = np.frombuffer((tmp_path / "weights").read_bytes(), np.float32)
    np.testing.assert_allclose(shared, np.frombuffer(weights(result), np.float32), atol=1e-3)


@pytest.mark.slow
def test_where_one_process_is_killed_the_other_ends_in_a_line_and_all_go_on(tmp_path):
    """Of two nodes, after an epoch was kept; started again they end with the weights of an unbroken one."""
    arguments = "lstm", tmp_path / "killed", 2
    (tmp_path / "killed").mkdir()
    nodes = start(2, *arguments)
    until = time.monotonic() + 120
    while not list((tmp_path / "killed").glob("*.pt")):
        assert time.monotonic() < until
        time.sleep(0.02)
    victim = rank(1, nodes)
    os.kill(victim, signal.SIGKILL)
    said = [process.communicate(timeout=120)[1] for process in nodes]
    assert all(process.returncode for process in nodes)
    told = [line for text in said for line in text.splitlines() if "train.processes" in line]
    assert len(told) == 1
    assert told[0].startswith("another of the 2 processes that train together is gone (train.processes): ")
    assert not any("trainer.py" in text for text in said)
    for folder in ("killed", "whole"):
        (tmp_path / folder).mkdir(exist_ok=True)
        for process in start(2, "lstm", tmp_path / folder, 2):
            process.communicate(timeout=240)
            assert process.returncode == 0
    assert (tmp_path / "killed/weights").read_bytes() == (tmp_path / "whole/weights").read_bytes()


def rank(number, nodes):
    """The process of that rank, a child of one of torchrun's."""
    for child in (c for node in nodes for c in psutil.Process(node.pid).children()):
        if child.environ().get("RANK") == str(number):
            return child.pid
    raise AssertionError("no such rank")


def test_another_error_of_torch_is_not_taken_for_a_lost_process():
    """Nor is what gloo says where there is but one process."""
    with pytest.raises(RuntimeError, match="shape"), lost_process_advice(2):
        torch.zeros(2).reshape(3)
    with pytest.raises(RuntimeError, match="gloo"), lost_process_advice(1):
        raise RuntimeError("[gloo/transport/tcp/pair.cc:553] Connection closed by peer")
    with (
        pytest.raises(ClusterError, match=r"another of the 3 .* start all of them again"),
        lost_process_advice(3),
    ):
        raise torch.distributed.DistNetworkError("The client socket has timed out")


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


@pytest.mark.skipif(not any(map(shutil.which, COMPILERS)), reason="no C++ compiler")
@pytest.mark.parametrize(
    "network",
    [pytest.param("lstm", marks=pytest.mark.slow), pytest.param("transformer", marks=pytest.mark.torture)],
)
def test_a_compiled_network_learns_the_same(network):
    """Losses are those of the plain network, to rounding."""
    net = make_net(network, layers=1)  # of whose loops each is compiled by a C++ compiler, for seconds
    plain, compiled = (
        run_fold(make_fabric(params), net, table_of(*problem()), ROWS, params, network)
        for params in (train_params(epochs=2, compile=is_compiled) for is_compiled in (False, True))
    )
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
