"""First weights that save epochs: a first layer that whitens image patches, and convolutions that begin as the identity."""

import torch
from torch import nn

from course_data import Dataset
from course_labs.networks.convnet import ConvNet, normalise

PATCHES = 100_000


def prepare(net: ConvNet, data: Dataset, seed: int) -> ConvNet:
    """Set `net`'s first weights in place and return it; its first convolution will not be trained further.

    Neighbouring pixels say nearly the same. A network spends its first epochs on undoing that, unless its first layer
    whitens: see `whitening_filters`. The other convolutions begin as the identity (Zagoruyko and Komodakis 2017,
    arXiv:1706.00388), so that the signal reaches every layer from the first step. Both together: Jordan 2024, arXiv:2404.00498.
    """
    first, *others = net.convs
    filters = whitening_filters(data, seed)
    half = min(len(filters), len(first.weight) // 2)
    with torch.no_grad():
        # each with its negative: the ReLU behind it would lose one half of what it says
        first.weight[:half], first.weight[half : 2 * half] = filters[:half], -filters[:half]
        for conv in others:
            nn.init.dirac_(conv.weight[: conv.in_channels])
    first.weight.requires_grad_(False)
    return net


def whitening_filters(data: Dataset, seed: int) -> torch.Tensor:
    """3×3 filters float32 (C·9, C, 3, 3) whose answers on training images are uncorrelated and of variance one.

    They are the eigenvectors of the patches' covariance, divided by the roots of its eigenvalues, largest first (principal component
    whitening). A little is added to the eigenvalues: the smallest belong to noise.
    """
    generator = torch.Generator().manual_seed(seed)
    images = normalise(data.train.images[torch.randperm(len(data.train), generator=generator)[:2000]], data.mean, data.std)
    channels = images.shape[1]
    patches = nn.functional.unfold(images, 3).transpose(1, 2).reshape(-1, 9 * channels)
    patches = patches[torch.randint(len(patches), (PATCHES,), generator=generator)].double()
    values, vectors = torch.linalg.eigh(patches.T @ patches / len(patches))  # ascending
    filters = (vectors / (values.clamp(min=0) + 5e-4).sqrt()).T.flip(0)
    return filters.reshape(-1, channels, 3, 3).float()
