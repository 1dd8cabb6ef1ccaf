"""What a result was measured on: processor, system, library versions."""

import importlib.metadata
import os
import platform

from course_labs.methods import other_tools
from course_labs.methods.training import cpu_flags, device, precision

TELLING_FLAGS = ("avx2", "avx512f", "avx512_vnni", "avx_vnni", "avx512_bf16", "amx_int8", "amx_bf16", "asimd", "asimddp", "i8mm", "bf16")
LIBRARIES = ("numpy", "onnx", "onnxruntime", "torch", "torchvision")


def describe() -> dict:
    """Processor (model, the flags that decide int8 and bfloat16 speed, cores), memory, system, training device."""
    flags = cpu_flags()
    where = device()
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "cpu": _cpu_model(),
        "cpu_flags": [flag for flag in TELLING_FLAGS if flag in flags],
        "cores_usable": usable,
        "memory_gb": _memory_gb(),
        "os": f"{platform.system()} {platform.release()}",
        "arch": platform.machine(),
        "python": platform.python_version(),
        "training_device": _gpu_name() if where.type == "cuda" else "cpu",
        "training_precision": str(precision(where)).removeprefix("torch."),
    }


def versions() -> dict[str, str]:
    """Versions of the libraries that made the numbers, and of those that control rows use where they are installed."""
    return {name: importlib.metadata.version(name) for name in LIBRARIES} | other_tools.versions()


def _cpu_model() -> str:
    """The model's name; where a cloud hides it, family and model number too."""
    fields = {}
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            for line in file:
                if not line.strip():
                    break
                key, _, value = line.partition(":")
                fields[key.strip()] = value.strip()
    except OSError:
        pass
    name = fields.get("model name") or platform.processor() or platform.machine()
    if "cpu family" in fields:
        name += f" (family {fields['cpu family']}, model {fields['model']})"
    return name


def _memory_gb() -> float | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    except (AttributeError, ValueError, OSError):
        return None


def _gpu_name() -> str:
    import torch

    return torch.cuda.get_device_name()
