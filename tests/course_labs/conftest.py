"""What tests of the labs' pieces share: the digits, a small network with trained-looking batch norms, images."""

import pytest
import torch
from torch import nn

from course_data import load
from course_labs.networks.convnet import ConvNet, Shape

torch.set_num_threads(1)  # a training chooses among what it is given, by the clock; here two of one seed must be the same bytes


@pytest.fixture(scope="module")
def digits():
    return load("digits")


@pytest.fixture(params=[Shape((16, 32, 16), (1, 2, 1)), Shape((16, 32, 16), (1, 1, 1), pools=(0,))], ids=["stride", "pool"])
def net(request):
    """A network whose batch norms have seen something: otherwise folding and cutting them could not go wrong."""
    torch.manual_seed(1)
    net = ConvNet(request.param, 1, 10)
    for norm in net.norms:
        nn.init.uniform_(norm.weight, 0.5, 2)
        nn.init.uniform_(norm.bias, -1, 1)
        nn.init.uniform_(norm.running_mean, -1, 1)
        nn.init.uniform_(norm.running_var, 0.5, 2)
    return net.eval()


@pytest.fixture
def images():
    return torch.randn(32, 1, 8, 8, generator=torch.Generator().manual_seed(2))
