"""Makes the two data files of lesson 08: the frozen text, and the small transformer that was trained on its first nine tenths.

python -m course_lessons.lesson_08_four_bits.make_checkpoint [--text]

With --text the text is taken anew from this Python's own documentation (another version of Python has another text; then
TEXT_SHA256 in character_model.py must follow). Without it the text stays, and the network is trained. What came of it is
written to data/training.json.
"""

import hashlib
import json
import lzma
import math
import platform
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F

from course_lessons.lesson_08_four_bits import character_model as model_of

STEPS, BATCH, RATE, WARM_UP, SEED, THREADS = 3000, 64, 4e-3, 100, 8, 2


def freeze_text():
    from pydoc_data import topics

    raw = "\n".join(topics.topics[name] for name in sorted(topics.topics)).encode("utf-8")
    model_of.TEXT.write_bytes(lzma.compress(raw, preset=9 | lzma.PRESET_EXTREME))
    print(f"{len(raw):,} bytes of text, Python {platform.python_version()}, sha256 {hashlib.sha256(raw).hexdigest()}")


def train():
    torch.set_num_threads(THREADS)
    torch.manual_seed(SEED)
    text, split = model_of.load_text()
    characters = model_of.alphabet(text)
    numbers = model_of.encode(text, characters)
    model = model_of.CharacterModel(len(characters))
    with torch.no_grad():
        for table in (model.characters, model.places):
            table.weight.mul_(0.1)
    optimiser = torch.optim.AdamW(model.parameters(), lr=RATE, betas=(0.9, 0.99), weight_decay=0.01)
    start = time.perf_counter()
    for step in range(STEPS):
        share = min((step + 1) / WARM_UP, 0.5 + 0.5 * math.cos(math.pi * step / STEPS))
        for group in optimiser.param_groups:
            group["lr"] = RATE * share
        where = torch.randint(split - model_of.CONTEXT, (BATCH,))
        windows = numbers[where[:, None] + torch.arange(model_of.CONTEXT + 1)]
        loss = F.cross_entropy(model(windows[:, :-1]).flatten(0, 1), windows[:, 1:].flatten())
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        if step % 250 == 0:
            print(f"step {step:5}  {loss.item() / math.log(2):.3f} bits a character  {time.perf_counter() - start:.0f} s", flush=True)
    seconds = time.perf_counter() - start
    arrays = {name: tensor.numpy().astype(np.float16) for name, tensor in model.state_dict().items()}
    np.savez_compressed(model_of.CHECKPOINT, **arrays)
    stored = model_of.load_model()
    results = {
        "steps": STEPS,
        "seconds": round(seconds, 1),
        "threads": THREADS,
        "torch": torch.__version__,
        "parameters": sum(p.numel() for p in model.parameters()),
        "checkpoint_bytes": model_of.CHECKPOINT.stat().st_size,
        "checkpoint_sha256": hashlib.sha256(model_of.CHECKPOINT.read_bytes()).hexdigest(),
        "bits_per_character_train": round(model_of.bits_per_character(stored, numbers[split // 2 : split // 2 + len(text) - split]), 4),
        "bits_per_character_last_tenth": round(model_of.bits_per_character(stored, numbers[split:]), 4),
    }
    (model_of.DATA / "training.json").write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(results, indent=2))


if __name__ == "__main__":
    if "--text" in sys.argv:
        freeze_text()
    else:
        train()
