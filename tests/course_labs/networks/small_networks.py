"""Networks for tests: drawn at random, and one for each way of writing something."""

import random

import torch
from torch import nn

F = nn.functional


def lively(net):
    """Norms and slopes that have seen something: otherwise cutting and folding them could not go wrong."""
    for module in net.modules():
        if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d, nn.GroupNorm, nn.InstanceNorm2d)) and module.affine:
            nn.init.uniform_(module.weight, 0.5, 2)
            nn.init.uniform_(module.bias, -1, 1)
        if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)) and module.track_running_stats:
            nn.init.uniform_(module.running_mean, -1, 1)
            nn.init.uniform_(module.running_var, 0.5, 2)
        if isinstance(module, nn.PReLU):
            nn.init.uniform_(module.weight, 0.1, 0.9)
    return net.eval()


class Excite(nn.Module):
    """Squeeze and excitation (Hu et al. 2018, arXiv:1709.01507)."""

    def __init__(self, width, gate=nn.Sigmoid, linear=False):
        super().__init__()
        self.linear = linear
        layer = nn.Linear if linear else (lambda before, after: nn.Conv2d(before, after, 1))
        self.one, self.two, self.gate = layer(width, 4), layer(4, width), gate()

    def forward(self, x):
        y = F.adaptive_avg_pool2d(x, 1)
        if self.linear:
            y = y.view(x.size(0), x.size(1))
        y = self.gate(self.two(F.relu(self.one(y))))
        return x * (y.view(y.size(0), -1, 1, 1).expand_as(x) if self.linear else y)


class Random(nn.Module):
    """A network drawn from `seed`: all kinds of convolutions, norms, activations, joins, pools and ends."""

    KINDS = ["plain", "plain", "residual", "shortcut", "depthwise", "pool", "concat", "excite", "grouped", "multiplied"]
    ACTIVATIONS = [
        nn.ReLU,
        nn.SiLU,
        nn.Hardswish,
        nn.GELU,
        nn.LeakyReLU,
        nn.Tanh,
        nn.ELU,
        nn.Mish,
        nn.ReLU6,
        nn.PReLU,
        nn.Softsign,
        nn.Hardtanh,
    ]

    def __init__(self, seed):
        super().__init__()
        draw = random.Random(seed)
        self.draw, self.layers, self.plan = draw, nn.ModuleList(), []
        self.act = nn.ModuleList([draw.choice(self.ACTIVATIONS)()])
        width = self.step("begin", 3)
        for _ in range(draw.randint(2, 5)):
            width = self.step(draw.choice(self.KINDS), width)
        self.hidden = draw.random() < 0.4
        self.end = draw.choice(["flatten", "view", "mean", "means", "pooled"])
        features = width * (4 if self.end in ("flatten", "view") else 1)
        self.pool = nn.AdaptiveAvgPool2d(2 if self.end in ("flatten", "view") else 1)
        self.fc = nn.Sequential(nn.Linear(features, 9), nn.BatchNorm1d(9), nn.SiLU(), nn.Dropout(0.5)) if self.hidden else nn.Identity()
        self.head = nn.Linear(9 if self.hidden else features, 4)

    def unit(self, before, after, kernel=3, groups=1):
        draw, norm = self.draw, self.draw.choice(["batch", "batch", "batch", "group", None])
        conv = nn.Conv2d(before, after, kernel, padding=kernel // 2, groups=groups, bias=norm is None or draw.random() < 0.3)
        norms = {"batch": lambda: [nn.BatchNorm2d(after)], "group": lambda: [nn.GroupNorm(after // 2, after)], None: list}[norm]()
        return nn.Sequential(conv, *norms)

    def step(self, kind, width):
        draw = self.draw
        after = width if kind in ("residual", "depthwise", "pool", "excite", "grouped") else 2 * draw.randint(2, 5)
        if kind == "residual":
            parts = [self.unit(width, 2 * draw.randint(2, 5)), None]
            parts[1] = self.unit(parts[0][0].out_channels, width)
        elif kind == "shortcut":
            parts = [self.unit(width, after), self.unit(width, after, 1)]
        elif kind == "depthwise":
            parts = [nn.Conv2d(width, width, 3, padding=1, groups=width, bias=draw.random() < 0.5), nn.BatchNorm2d(width)]
        elif kind == "pool":
            parts = [draw.choice([nn.MaxPool2d(2, 1), nn.AvgPool2d(3, 1, 1), nn.ZeroPad2d(1), nn.Identity()])]
        elif kind == "concat":
            parts, after = [self.unit(width, after)], width + after
        elif kind == "excite":
            parts = [Excite(width, draw.choice([nn.Sigmoid, nn.Hardsigmoid]), draw.random() < 0.5)]
        elif kind == "grouped":
            parts = [nn.Conv2d(width, width, 3, padding=1, groups=width // 2), nn.PReLU(width)]
        elif kind == "multiplied":
            parts, after = [nn.Conv2d(width, 2 * width, 3, padding=1, groups=width), nn.Conv2d(2 * width, after, 1)], after
        else:
            parts = [self.unit(width, after)]
        self.plan.append((kind, len(self.layers)))
        self.layers.extend(parts)
        return after

    def forward(self, x):
        act = self.act[0]
        for kind, at in self.plan:
            layer = self.layers[at]
            if kind == "residual":
                x = act(x + self.layers[at + 1](F.relu(layer(x))))
            elif kind == "shortcut":
                y = layer(x)
                y += self.layers[at + 1](x)
                x = y.relu()
            elif kind == "concat":
                x = torch.cat([x, act(layer(x))], 1)
            elif kind in ("depthwise", "multiplied", "grouped"):
                x = F.hardswish(self.layers[at + 1](layer(x)))
            else:
                x = layer(x)
                x = x if kind in ("pool", "excite") else act(x)
        if self.end == "mean":
            x = x.mean((2, 3))
        elif self.end == "means":
            x = x.mean(3).mean(2)
        elif self.end == "view":
            x = self.pool(x)
            x = x.view(x.size(0), -1)
        else:
            x = torch.flatten(self.pool(x), 1)
        return self.head(F.dropout(self.fc(x), 0.2, training=self.training))


class Block(nn.Module):
    def __init__(self, inside):
        super().__init__()
        self.conv = nn.Conv2d(8, 8, 3, padding=1)
        self.inside = inside

    def forward(self, x):
        return self.inside(self.conv(x))


def around(*layers, forward=lambda x: x, flat=False):
    """A small network with `layers` in the middle, as body.N, then `forward`, which may leave the images `flat`."""

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU())
            self.body = nn.Sequential(*layers)
            self.head = nn.Linear(8, 4)

        def forward(self, x):
            x = forward(self.body(self.stem(x)))
            return self.head(x if flat else x.mean((2, 3)))

    return Net()
