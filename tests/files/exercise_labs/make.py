"""Makes the small networks in this folder: `python -m tests.files.exercise_labs.make`. forge.py makes hand-ins of them."""

from pathlib import Path

import torch

from course_data import load
from course_labs.methods import export
from course_labs.methods.pruning import channel_importance, keep_best, rebuilt
from course_labs.methods.training import Recipe, cross_entropy, train
from course_labs.networks.convnet import ConvNet, Shape

HERE = Path(__file__).resolve().parent


if __name__ == "__main__":
    data, recipe = load("digits"), Recipe(epochs=12, peak_lr=0.1, batch=64, shift=1)
    torch.manual_seed(0)
    net = train(ConvNet(Shape((16, 16, 32, 32), (1, 2, 2, 1)), 1, 10), data, recipe, cross_entropy, seed=0)
    scores = channel_importance(net, data, images=256)
    networks = {"whole": net}
    for percent in (10, 30, 50, 70):
        kept = keep_best(scores, tuple(n - n * percent // 100 for n in net.shape.widths))
        networks[f"pruned-{percent}"] = train(rebuilt(net, kept), data, recipe, cross_entropy, seed=1)
    for name, each in networks.items():
        export.export(each, (8, 8), HERE / f"{name}.onnx")
