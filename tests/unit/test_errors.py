"""One classifier of errors that say that memory ran out, whoever says it."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch

from swa.errors import OutOfMemoryError, UsageError, is_out_of_memory, memory_errors_known

SAID = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB"),
    torch.OutOfMemoryError("anything"),
    RuntimeError("CUDA error: out of memory"),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    RuntimeError(
        "MPS backend out of memory (MPS allocated: 17.94 GB, other allocations: 1.10 GB, max allowed: 18.13 GB)"
    ),
    RuntimeError("[enforce fail at alloc_cpu.cpp:117] err == 0. DefaultCPUAllocator: can't allocate memory: you tried"),
    RuntimeError("[enforce fail at alloc_cpu.cpp:80] data. DefaultCPUAllocator: not enough memory: you tried to"),
    RuntimeError("std::bad_alloc"),
    RuntimeError("bad allocation"),
    MemoryError(),
    np._core._exceptions._ArrayMemoryError((2**40,), np.dtype(float)),
    OSError(12, "Cannot allocate memory"),
]
OTHERS = [
    RuntimeError("The size of tensor a (3) must match the size of tensor b (4)"),
    OSError(2, "No such file or directory"),
    ValueError("out of memory"),
    UsageError("The file 'out of memory.txt' is not there."),
    KeyboardInterrupt(),
]


@pytest.mark.parametrize("error", SAID, ids=lambda error: str(error)[:40] or "MemoryError")
def test_memory_is_used_up(error):
    assert is_out_of_memory(error)
    with pytest.raises(OutOfMemoryError) as caught, memory_errors_known():
        raise error
    assert caught.value.exit_code == 5
    assert "--batch-size" in caught.value.hint


@pytest.mark.parametrize("error", OTHERS, ids=repr)
def test_something_else_went_wrong(error):
    assert not is_out_of_memory(error)
    with pytest.raises(type(error)) as caught, memory_errors_known():
        raise error
    assert caught.value is error


def test_torch_itself_says_so_on_this_machine():
    with pytest.raises(OutOfMemoryError), memory_errors_known():
        torch.empty(2**55, dtype=torch.float32)


def test_torch_is_not_loaded_to_ask_for_its_error():
    code = (
        "import sys; from swa.errors import is_out_of_memory; "
        "print(is_out_of_memory(RuntimeError('MPS backend out of memory')), 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "False"]
