"""The frozen text and the small transformer of lesson 08. The notebook imports them, and so does the script that trained it.

The two files in data/ are plain data: text under xz, arrays in an .npz that is read with pickling forbidden.
"""

import hashlib
import lzma
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

DATA = Path(__file__).parent / "data"
TEXT, CHECKPOINT = DATA / "topics.txt.xz", DATA / "checkpoint.npz"
TEXT_SHA256 = "2a95af4ac93f5b719944030ce3769070ddf827d847cba42192afa8da989e5dc4"
WIDTH, HEADS, LAYERS, CONTEXT = 64, 4, 2, 64


def load_text():
    """(text, share): the frozen text, and its length without the last tenth, on which nothing is trained or chosen."""
    raw = lzma.decompress(TEXT.read_bytes())
    if hashlib.sha256(raw).hexdigest() != TEXT_SHA256:
        raise ValueError(f"{TEXT} is not the text that the lesson was written for: its checksum is another one.")
    text = raw.decode("utf-8")
    return text, len(text) * 9 // 10


def alphabet(text):
    """The characters of the text, sorted: the place of each is its number."""
    return "".join(sorted(set(text)))


def encode(text, characters):
    """The numbers of the text's characters: int64 tensor."""
    place = {character: i for i, character in enumerate(characters)}
    return torch.tensor([place[character] for character in text])


class Block(nn.Module):
    """Layer norm, attention to what came before, layer norm, two linear layers. Both halves are added to what came in."""

    def __init__(self):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.qkv, self.mix = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.up, self.down = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, x):
        parts = self.qkv(self.norm1(x)).unflatten(-1, (3, HEADS, WIDTH // HEADS)).movedim(-3, 0).transpose(-2, -3)
        seen = F.scaled_dot_product_attention(*parts, is_causal=True)
        x = x + self.mix(seen.transpose(-2, -3).flatten(-2))
        return x + self.down(F.gelu(self.up(self.norm2(x))))


class CharacterModel(nn.Module):
    """Numbers of characters in, (..., length), logits of the next character out, (..., length, characters)."""

    def __init__(self, characters):
        super().__init__()
        self.characters = nn.Embedding(characters, WIDTH)
        self.places = nn.Embedding(CONTEXT, WIDTH)
        self.blocks = nn.ModuleList(Block() for _ in range(LAYERS))
        self.norm = nn.LayerNorm(WIDTH)

    def forward(self, numbers):
        x = self.characters(numbers) + self.places.weight[: numbers.shape[-1]]
        for block in self.blocks:
            x = block(x)
        return F.linear(self.norm(x), self.characters.weight)  # the same table reads and writes


def load_model():
    """The trained network in float32, in evaluation mode, frozen. Its file holds float16 numbers."""
    with np.load(CHECKPOINT, allow_pickle=False) as arrays:
        state = {name: torch.from_numpy(arrays[name].astype(np.float32)) for name in arrays.files}
    model = CharacterModel(len(state["characters.weight"]))
    model.load_state_dict(state)
    return model.eval().requires_grad_(False)


def bits_per_character(model, numbers, batch=32):
    """The mean of -log2 of the probability of each character, over windows of CONTEXT characters that overlap by half.

    Each character but the first CONTEXT / 2 is predicted once, from at least CONTEXT / 2 characters before it.
    """
    half = CONTEXT // 2
    starts = torch.arange(0, len(numbers) - CONTEXT, half)
    nats, count = 0.0, 0
    with torch.inference_mode():
        for some in starts.split(batch):
            windows = numbers[some[:, None] + torch.arange(CONTEXT + 1)]
            logits = model(windows[:, :-1])[:, half:]
            wanted = windows[:, 1 + half :]
            nats += F.cross_entropy(logits.flatten(0, 1), wanted.flatten(), reduction="sum").item()
            count += wanted.numel()
    return nats / count / np.log(2)


def ngram_bits(text, split, longest):
    """Bits a character on the text beyond `split`, of counts over the text before it; for contexts of 0 to `longest` characters, a list.

    Each length mixes its counts with the answer of the next shorter one (Witten and Bell's weights); below 0 all characters are alike.
    """
    tables = [{} for _ in range(longest + 1)]
    for n, table in enumerate(tables):
        for i in range(n, split):
            seen = table.setdefault(text[i - n : i], {})
            seen[text[i]] = seen.get(text[i], 0) + 1
    tables = [{context: (seen, sum(seen.values())) for context, seen in table.items()} for table in tables]
    bits, alike = [0.0] * (longest + 1), 1 / len(set(text))
    for i in range(split, len(text)):
        p = alike
        for n, table in enumerate(tables):
            seen, total = table.get(text[i - n : i], ({}, 0))
            if total:
                p = (seen.get(text[i], 0) + len(seen) * p) / (total + len(seen))
            bits[n] -= np.log2(p)
    return [float(each) / (len(text) - split) for each in bits]
