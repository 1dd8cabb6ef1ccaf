"""What makes a training fast on this machine, measured on the network itself: the number of threads, and the precision.

Two threads are worth having on an idle machine. Where others work, too, every small operation waits for a thread that is not scheduled,
and one thread is up to ten times as fast. bfloat16 is faster than float32 for plain convolutions where the processor multiplies it, and
slower for depthwise ones. Every trial runs on a copy: what is learnt does not depend on how often somebody looked.
"""

import copy
import statistics
import time
from collections.abc import Callable
from contextlib import nullcontext
from types import TracebackType

import torch
from torch import nn

SHORT = 0.02  # seconds of a step below which no precision is worth a choice
TRIALS = 3  # steps that are timed, after one that warms up; the fastest counts
WORTH = 1.2  # so many times faster is a reason to leave the usual way: less may be chance, and a run should repeat
SLOWER = 1.6  # so many times slower than before, the machine is no longer what it was
WINDOW = 10  # steps whose median is looked at
PATIENCE = 5.0  # seconds between two choices, at least; twice as many after each that changed nothing
AGAIN = 60.0  # seconds after which more threads are tried once more


def trial_step(net: nn.Module, batch: torch.Tensor, labels: torch.Tensor, precision: torch.dtype | None = None) -> Callable[[], None]:
    """A call without arguments: forward and backward on a copy of `net`, whose random numbers are nobody else's."""
    other = copy.deepcopy(net).train()
    fast = precision not in (None, torch.float32)

    def step() -> None:
        with torch.random.fork_rng(devices=[]), torch.enable_grad():
            with torch.autocast(batch.device.type, precision) if fast else nullcontext():
                logits = other(batch)
            other.zero_grad(set_to_none=True)
            nn.functional.cross_entropy(logits.float(), labels).backward()

    return step


def fastest_precision(
    net: nn.Module, batch: torch.Tensor, labels: torch.Tensor, usual: torch.dtype
) -> tuple[torch.dtype, dict[str, float]]:
    """float32 or bfloat16, and the seconds of processor time that a step takes in each, on one thread of the CPU.

    `usual`, what the processor's flags promise, stays unless the other is WORTH it. Where that is float32, nothing is measured:
    a processor without bfloat16 emulates it. Nor where a step is SHORT: the whole training is, and a run should repeat.
    """
    if usual == torch.float32 or batch.device.type != "cpu":
        return usual, {}
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # then processor time is the step's alone, whatever else runs on the machine
    try:
        taken = {usual: _fastest(trial_step(net, batch, labels, usual), time.process_time)}
        other = torch.float32  # the usual one is bfloat16
        if taken[usual] >= SHORT:
            taken[other] = _fastest(trial_step(net, batch, labels, other), time.process_time)
    finally:
        torch.set_num_threads(threads)
    best = other if taken.get(other, float("inf")) * WORTH < taken[usual] else usual
    return best, {str(kind).removeprefix("torch."): seconds for kind, seconds in taken.items()}


class Pace:
    """The number of threads of one training: chosen when the block begins, looked at again when steps slow down, as before at its end.

    `trial` gives a `trial_step`; `most` threads are the usual choice. The `clock` is in seconds.
    """

    def __init__(self, trial: Callable[[], Callable[[], None]], most: int | None = None, clock: Callable[[], float] = time.perf_counter):
        self.trial, self.clock = trial, clock
        self.most = self.threads = most or torch.get_num_threads()
        self._wait = PATIENCE
        self._recent: list[float] = []
        self._best = float("inf")
        self._chosen_at = self._last = clock()

    @property
    def note(self) -> str:
        """For a progress line."""
        return f"{self.threads} thread{'' if self.threads == 1 else 's'}"

    def __enter__(self) -> "Pace":
        self.choose()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self.most > 1:
            torch.set_num_threads(self.most)

    def choose(self) -> None:
        """Time a step with each number of threads and keep the fastest; the most, unless fewer are WORTH it."""
        before = self.threads
        if self.most > 1:
            step, taken = self.trial(), {}
            for count in _counts(self.most):
                torch.set_num_threads(count)
                taken[count] = _fastest(step, self.clock)
            best = min(taken, key=lambda count: taken[count])
            self.threads = best if taken[best] * WORTH < taken[self.most] else self.most
            torch.set_num_threads(self.threads)
        self._wait = PATIENCE if self.threads != before else min(2 * self._wait, AGAIN)
        self._recent, self._best = [], float("inf")
        self._chosen_at = self._last = self.clock()

    def stepped(self) -> None:
        """Call after every step."""
        now = self.clock()
        self._recent = [*self._recent[1 - WINDOW :], now - self._last]
        self._last = now
        if self.most == 1 or len(self._recent) < WINDOW:
            return
        median, since = statistics.median(self._recent), now - self._chosen_at
        self._best = min(self._best, median)
        slow = median > SLOWER * self._best and since > self._wait
        if slow or (self.threads < self.most and since > AGAIN):
            self.choose()


def _counts(most: int) -> list[int]:
    """Numbers of threads to try: `most`, its halves, and 1."""
    counts = [most]
    while counts[-1] > 1:
        counts.append(counts[-1] // 2)
    return counts


def _fastest(step: Callable[[], None], clock: Callable[[], float]) -> float:
    """Seconds of the fastest of some steps."""
    step()
    taken = []
    for _ in range(TRIALS):
        start = clock()
        step()
        taken.append(clock() - start)
    return min(taken)
