"""Where training runs: device, processes, precision, threads, and what to do when memory is short."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

import torch
from lightning_fabric import Fabric
from torch import nn

from tapeline.errors import ClusterError, ParamsError
from tapeline.nets.params import TrainParams

# What allocators say; on the CPU torch has no error class of its own for it.
OUT_OF_MEMORY = ("out of memory", "not enough memory", "can't allocate memory")

# Likewise of a process that is gone: gloo raises torch's plain RuntimeError.
LOST_PROCESS = ("gloo", "nccl", "connection closed", "connection reset", "broken pipe")

COMPILERS = ("g++", "clang++", "c++")


def make_fabric(params: TrainParams) -> Fabric:
    """Choose device and processes and make everything after this repeatable for the same params.

    Under torchrun the processes are already there and must be `train.processes`; else, with more than
    one, Fabric starts the others. CUDA needs its workspace fixed before it starts, hence the variable.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.set_num_threads(params.threads)
    torch.use_deterministic_algorithms(params.deterministic)
    # A debugging aid that costs 5 % here; torch gives its module the attribute where no checker sees it.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.backends.cudnn.benchmark = not params.deterministic
    if params.device == "cuda" and not torch.cuda.is_available():
        raise ParamsError("train.device", params.device, "no CUDA device is here; must be auto or cpu")
    if params.compile and not any(map(shutil.which, COMPILERS)):
        raise ParamsError("train.compile", True, f"needs a C++ compiler, one of {', '.join(COMPILERS)}")
    started = int(os.environ.get("WORLD_SIZE", params.processes))
    if started != params.processes:
        raise ParamsError("train.processes", params.processes, f"torchrun started {started}; must be equal")
    here = int(os.environ.get("LOCAL_WORLD_SIZE", started))
    fabric = Fabric(
        accelerator=params.device,
        devices=here,
        num_nodes=started // here,
        strategy="ddp" if started > 1 else "auto",
        precision=params.precision,
    )
    fabric.launch()
    torch.set_num_threads(params.threads)  # which launching several processes sets by the machine's cores
    return fabric


def precision_advice(device: torch.device, params: TrainParams) -> str:
    """What whoever trains in bfloat16 on a CPU without instructions for it should know; else nothing."""
    able = [name for name, has in torch.cpu.get_capabilities().items() if has and name.endswith("bf16")]
    if params.precision != "bf16-mixed" or device.type != "cpu" or able:
        return ""
    return (
        "train.precision is bf16-mixed: this processor computes bfloat16 by way of float32, which is slower; "
        "32-true is faster here"
    )


def compiled(net: nn.Module, params: TrainParams) -> nn.Module:
    """`net` under torch.compile if params ask for it; it shares its weights with `net`."""
    # Of a module, torch.compile makes a module.
    return cast("nn.Module", torch.compile(net)) if params.compile else net


@contextmanager
def memory_advice(params: TrainParams) -> Iterator[None]:
    """Turn an allocator's failure into one line that names the params to lower."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:  # torch.OutOfMemoryError is a RuntimeError
        text = str(error).lower()
        if not isinstance(error, MemoryError) and not any(words in text for words in OUT_OF_MEMORY):
            raise
        raise ParamsError(
            "train.batch_size",
            params.batch_size,
            "out of memory; raise train.accumulation, or lower train.batch_size, train.chunk_length, "
            "or the width or the layers of the network",
        ) from error


@contextmanager
def lost_process_advice(processes: int) -> Iterator[None]:
    """Turn what one of several `processes` hears when another is gone into a line that says how to go on."""
    try:
        yield
    except RuntimeError as error:
        text = " ".join(str(error).split())
        is_lost = isinstance(error, torch.distributed.DistError) or any(
            words in text.lower() for words in LOST_PROCESS
        )
        if processes == 1 or not is_lost:
            raise
        raise ClusterError(
            f"another of the {processes} processes that train together is gone (train.processes): "
            f"{text[:200]}; its own output says why. All epochs that were done are kept: start all of them "
            "again to go on"
        ) from error
