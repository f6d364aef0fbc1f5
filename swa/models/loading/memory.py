"""How much memory a device has."""

from __future__ import annotations

import os

import psutil
import torch


def total_memory(device: torch.device) -> int:
    """Bytes that the device has: not what is free at the moment, so that the same machine decides alike."""
    if device.type == "cuda":
        return int(torch.cuda.get_device_properties(device).total_memory)
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def free_memory(device: torch.device) -> int:
    """Bytes that can be had at the moment; where a device does not say it, what it has."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    return int(psutil.virtual_memory().available) if device.type == "cpu" else total_memory(device)
