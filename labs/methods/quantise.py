"""Int8 quantisation in ONNX Runtime: static, calibrated on training images; and dynamic, for comparison."""

import logging
import platform
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import torch
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_dynamic, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from course_data import Dataset, UserError
from course_data.files import beside
from course_labs.methods import faithful
from course_labs.methods.export import slim
from course_labs.methods.training import cpu_flags
from course_labs.networks.convnet import normalise

CHECKED = 8  # images


class _Calibration(CalibrationDataReader):
    """Hands out batches of normalised images, then None."""

    def __init__(self, images: np.ndarray, batch: int = 64):
        self.batches = iter([{"image": images[i : i + batch]} for i in range(0, len(images), batch)])

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self.batches, None)


def calibration_images(data: Dataset, count: int, seed: int) -> torch.Tensor:
    """`count` training images (never test or validation images), normalised: float32 (count, C, H, W)."""
    chosen = torch.randperm(len(data.train), generator=torch.Generator().manual_seed(seed))[:count]
    return normalise(data.train.images[chosen], data.mean, data.std)


def reduce_range() -> bool:
    """Whether int8 weights must give up one bit.

    x86 processors without VNNI add two products in a saturating 16-bit register, which 8-bit weights overflow.
    An x86 processor that does not tell (on Windows, on macOS) is taken for one of them: a bit less costs little, an overflow much.
    """
    flags = cpu_flags()
    x86 = "avx2" in flags if flags else platform.machine() in ("x86_64", "AMD64")
    return x86 and not flags & {"avx512_vnni", "avx_vnni"}


def quantise(source: Path, target: Path, images: torch.Tensor, notes: dict[str, str] | None = None, check: bool = True) -> Path:
    """Write the int8 version of the float32 ONNX file `source` to `target`.

    Weights int8, one scale for each output channel; activations uint8, one scale and zero point for each tensor, from the
    smallest and largest value seen on `images`. QDQ format: the graph states where it rounds.
    Raises UserError that names the layer if ONNX Runtime does not compute what the graph states. Without `check`, nobody asks: for ranges that
    are wrong on purpose, and may leave the integers too little room.
    """

    def static(prepared: Path, rounded: Path) -> None:
        quantize_static(
            prepared,
            rounded,
            _Calibration(images.numpy()),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            reduce_range=reduce_range(),
            # its quantiser takes a norm over several axes for one with a scale per channel, and breaks
            nodes_to_exclude=[node.name for node in onnx.load(prepared).graph.node if node.op_type == "LayerNormalization"],
        )

    return _rounded(source, target, static, notes, images[:CHECKED] if check else None)


def quantise_dynamic(source: Path, target: Path, operators: list[str] | None, notes: dict[str, str] | None = None) -> Path:
    """Write a dynamically quantised version of the float32 ONNX file `source`: weights int8, activations rounded as they come.

    `operators` are the ONNX operator types to round; None: all that ONNX Runtime can.
    """

    def dynamic(prepared: Path, rounded: Path) -> None:
        quantize_dynamic(prepared, rounded, op_types_to_quantize=operators, weight_type=QuantType.QInt8)

    return _rounded(source, target, dynamic, notes)


def _rounded(
    source: Path, target: Path, work: Callable[[Path, Path], None], notes: dict[str, str] | None, checked: torch.Tensor | None = None
) -> Path:
    """`work(prepared, rounded)` on `source`, prepared as ONNX Runtime wants it; what comes of it goes to `target`.

    Without what no runtime reads, and with `notes`. With `checked`, some images, a file that is not computed as it states is not left behind.
    """
    root, level = logging.getLogger(), logging.getLogger().level
    with tempfile.TemporaryDirectory() as folder:
        prepared, rounded = Path(folder) / "prepared.onnx", Path(folder) / "int8.onnx"
        root.setLevel(logging.ERROR)  # it reports every step, and warns of every norm that stands alone
        try:
            quant_pre_process(source, prepared)
            work(prepared, rounded)
        except (ValueError, TypeError, KeyError, IndexError, RuntimeError, NotImplementedError) as error:
            raise UserError(
                f"{target.name} cannot be made: ONNX Runtime's quantiser stops with {type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
            ) from error
        finally:
            root.setLevel(level)
        model = onnx.load(rounded)
    slim(model)
    del model.metadata_props[:]
    onnx.helper.set_model_props(model, notes or {})
    with beside(target) as temporary:
        onnx.save(model, temporary, format="protobuf")
        if checked is not None:
            faithful.check_int8(temporary, target.name, checked)
    return target
