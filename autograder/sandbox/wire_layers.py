"""The kinds of layers that may cross, as a table: of each its configuration, and the tensors that a configuration implies.

PyTorch is not needed to read it; `wire_modules` makes descriptions and layers by it.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["LAYERS", "Refused", "article", "brief", "misfit"]

MAX_FEATURES = 1 << 24  # features, channels, rows of an embedding
MAX_WINDOW = 1024  # kernel sizes, strides, paddings, dilations, output sizes of pooling
MAX_DIMENSIONS = 8


class Refused(Exception):
    """A module that cannot cross (the text is what it is called), or a description that is not one."""


Config = Mapping[str, Any]
Check = Callable[[Any], bool]  # of a value of the configuration
Shapes = Callable[[Config], dict[str, tuple]]


# What a value of the configuration may be


def _whole(low: int, high: int = MAX_FEATURES) -> Check:
    return lambda value: type(value) is int and low <= value <= high


def _number(low: float, high: float) -> Check:
    return lambda value: type(value) in (int, float) and low <= value <= high  # NaN fails both


def _flag(value: Any) -> bool:
    return type(value) is bool


def _word(*words: str) -> Check:
    return lambda value: type(value) is str and value in words


def _optional(check: Check) -> Check:
    return lambda value: value is None or check(value)


def _each(check: Check, *counts: int) -> Check:
    return lambda value: type(value) in (tuple, list) and len(value) in counts and all(map(check, value))


def _either(*checks: Check) -> Check:
    return lambda value: any(check(value) for check in checks)


def _sides(check: Check, count: int = 2) -> Check:
    """One number for all sides, or one for each."""
    return _either(check, _each(check, count))


_FEATURES = _whole(1)
_WINDOW = _whole(1, MAX_WINDOW)
_PADDING = _whole(0, MAX_WINDOW)
_DIMENSION = _whole(-MAX_DIMENSIONS, MAX_DIMENSIONS)
_EPS = _number(0, 1)
_ANY = _number(-1e30, 1e30)


class Layer:
    """A row of the table: fields of the configuration, and the tensors that it implies.

    `fields` are also the arguments of the type's constructor. `parameters` and `buffers` map the
    configuration to {name: shape}; a name that ends in "?" may be None. `sensible` tells whether the
    values fit each other, as far as PyTorch does not ask when a layer is made.
    """

    def __init__(
        self,
        fields: dict[str, Check] | None = None,
        parameters: Shapes | None = None,
        buffers: Shapes | None = None,
        sensible: Callable[[Config], bool] | None = None,
        container: bool = False,
    ) -> None:
        nothing: Shapes = lambda config: {}  # noqa: E731
        self.fields, self.container = fields or {}, container
        self.parameters, self.buffers = parameters or nothing, buffers or nothing
        self.sensible = sensible or (lambda config: True)
        self.has_tensors = parameters is not None


def _convolution(sides: int) -> Layer:
    return Layer(
        {
            "in_channels": _FEATURES,
            "out_channels": _FEATURES,
            "kernel_size": _each(_WINDOW, sides),
            "stride": _sides(_WINDOW, sides),
            "padding": _either(_word("same", "valid"), _sides(_PADDING, sides)),
            "dilation": _sides(_WINDOW, sides),
            "groups": _FEATURES,
            "padding_mode": _word("zeros", "reflect", "replicate", "circular"),
        },
        lambda c: {
            "weight": (c["out_channels"], c["in_channels"] // c["groups"], *c["kernel_size"]),
            "bias?": (c["out_channels"],),
        },
        sensible=lambda c: c["in_channels"] % c["groups"] == 0 and c["out_channels"] % c["groups"] == 0,
    )


def _batch_norm() -> Layer:
    return Layer(
        {
            "num_features": _FEATURES,
            "eps": _EPS,
            "momentum": _optional(_number(0, 1)),
            "affine": _flag,
            "track_running_stats": _flag,
        },
        lambda c: {"weight?": (c["num_features"],), "bias?": (c["num_features"],)},
        lambda c: {
            "running_mean?": (c["num_features"],),
            "running_var?": (c["num_features"],),
            "num_batches_tracked?": (),
        },
    )


LAYERS = {
    "Linear": Layer(
        {"in_features": _FEATURES, "out_features": _FEATURES},
        lambda c: {"weight": (c["out_features"], c["in_features"]), "bias?": (c["out_features"],)},
    ),
    "Conv1d": _convolution(1),
    "Conv2d": _convolution(2),
    "BatchNorm1d": _batch_norm(),
    "BatchNorm2d": _batch_norm(),
    "LayerNorm": Layer(
        {
            "normalized_shape": _each(_FEATURES, *range(1, MAX_DIMENSIONS + 1)),
            "eps": _EPS,
            "elementwise_affine": _flag,
        },
        lambda c: {"weight?": tuple(c["normalized_shape"]), "bias?": tuple(c["normalized_shape"])},
        sensible=lambda c: math.prod(c["normalized_shape"]) <= MAX_FEATURES,
    ),
    "GroupNorm": Layer(
        {"num_groups": _FEATURES, "num_channels": _FEATURES, "eps": _EPS, "affine": _flag},
        lambda c: {"weight?": (c["num_channels"],), "bias?": (c["num_channels"],)},
        sensible=lambda c: c["num_channels"] % c["num_groups"] == 0,
    ),
    "Embedding": Layer(
        {
            "num_embeddings": _FEATURES,
            "embedding_dim": _FEATURES,
            "padding_idx": _optional(_whole(0)),
            "max_norm": _optional(_ANY),
            "norm_type": _ANY,
            "scale_grad_by_freq": _flag,
            "sparse": _flag,
        },
        lambda c: {"weight": (c["num_embeddings"], c["embedding_dim"])},
        sensible=lambda c: c["padding_idx"] is None or c["padding_idx"] < c["num_embeddings"],
    ),
    "ReLU": Layer({"inplace": _flag}),
    "ReLU6": Layer({"inplace": _flag}),
    "LeakyReLU": Layer({"negative_slope": _ANY, "inplace": _flag}),
    "GELU": Layer({"approximate": _word("none", "tanh")}),
    "SiLU": Layer({"inplace": _flag}),
    "Tanh": Layer(),
    "Sigmoid": Layer(),
    "Softmax": Layer({"dim": _optional(_DIMENSION)}),
    "Flatten": Layer({"start_dim": _DIMENSION, "end_dim": _DIMENSION}),
    "Identity": Layer(),
    "Dropout": Layer({"p": _number(0, 1), "inplace": _flag}),
    "MaxPool2d": Layer(
        {
            "kernel_size": _sides(_WINDOW),
            "stride": _sides(_WINDOW),
            "padding": _sides(_PADDING),
            "dilation": _sides(_WINDOW),
            "return_indices": _flag,
            "ceil_mode": _flag,
        }
    ),
    "AvgPool2d": Layer(
        {
            "kernel_size": _sides(_WINDOW),
            "stride": _sides(_WINDOW),
            "padding": _sides(_PADDING),
            "ceil_mode": _flag,
            "count_include_pad": _flag,
            "divisor_override": _optional(_whole(1)),
        }
    ),
    "AdaptiveAvgPool2d": Layer({"output_size": _sides(_optional(_WINDOW))}),
    "Sequential": Layer(container=True),
    "ModuleList": Layer(container=True),
}


def misfit(layer: Layer, config: Config) -> str | None:
    """What in the configuration is impossible, in words; None if nothing is."""
    for field, check in layer.fields.items():
        if not check(config[field]):
            return f"{field}={brief(config[field])}"
    if not layer.sensible(config):
        return "a configuration that does not fit together"
    return None


# For people


def article(name: str) -> str:
    return f"{'an' if name[:1] in 'AEIOUaeiou' else 'a'} {name}"


def brief(value: Any) -> str:
    """A value in a few characters; only plain ones are shown, for the `repr` of others may be anything."""
    plain = (int, float, bool, str, type(None))
    if type(value) in plain or (type(value) in (tuple, list) and all(type(each) in plain for each in value)):
        text = repr(value)
        return text if len(text) <= 40 else text[:37] + "..."
    return article(type(value).__name__)
