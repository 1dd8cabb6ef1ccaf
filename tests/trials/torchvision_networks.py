"""What the lab does with torchvision's networks, untrained: follow, cut half, prove, export, round. One line each.

    python -m tests.trials.torchvision_networks [NAME ...] [--size 64]

Ten classes, random pictures. One takes half a minute to two minutes on a busy machine; nothing is downloaded.
"""

import argparse
import tempfile
import time
import warnings
from pathlib import Path

import torch
import torchvision

from course_data import UserError
from course_labs.measuring.measure import parameters
from course_labs.methods import export, graph_pruning, quantise
from course_labs.networks import graph

NAMES = (
    "resnet18 mobilenet_v2 mobilenet_v3_small squeezenet1_1 shufflenet_v2_x0_5 densenet121 regnet_x_400mf regnet_y_400mf "
    "efficientnet_b0 googlenet convnext_tiny vgg11_bn"
)


def tried(name: str, size: int) -> str:
    """What became of the network `name` on pictures of `size` × `size`, in a line, and the first reasons for what was left whole."""
    torch.manual_seed(0)
    named = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
    net = torchvision.models.get_model(name, num_classes=10, **named).eval()
    pictures, start = torch.randn(16, 3, size, size), time.perf_counter()
    whole = graph_pruning.proven(graph.traced(net, pictures[:2], 1.0, name), pictures[:2]).eval()
    small = graph_pruning.rebuilt(whole, [torch.arange(-(-width // 2)) for width in whole.shape.widths])
    said = f"{name} {size}: {len(whole.shape.widths)} groups cut, {len(whole.left_whole)} left whole, {parameters(whole):,} to {parameters(small):,} parameters"
    with tempfile.TemporaryDirectory() as folder:
        try:
            source = export.export(small, (size, size), Path(folder) / "float32.onnx", fold=graph_pruning.folded)
            rounded = quantise.quantise(source, Path(folder) / "int8.onnx", pictures)
            said += f", {source.stat().st_size / 1000:,.0f} kB, int8 {rounded.stat().st_size / 1000:,.0f} kB"
        except UserError as error:
            said += f", {error}"
    reasons = "".join(f"\n    {reason}" for reason in whole.left_whole[:3])
    return f"{said}, {time.perf_counter() - start:.0f} s{reasons}"


def main() -> None:
    """Try those named, or all."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("names", nargs="*", default=NAMES.split())
    asked.add_argument("--size", type=int, default=64)
    given = asked.parse_args()
    warnings.simplefilter("ignore")
    for name in given.names:
        print(tried(name, given.size), flush=True)


if __name__ == "__main__":
    main()
