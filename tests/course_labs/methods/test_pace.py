"""Threads and precision are measured: on a clock of the test's own."""

import copy

import pytest
import torch
from torch import nn

from course_labs.methods import pace
from course_labs.methods.pace import Pace


class Machine:
    """A clock, and steps that take as long as `seconds` says for the number of threads that is set."""

    def __init__(self, monkeypatch, seconds):
        self.now, self.threads, self.seconds, self.trials = 0.0, 2, seconds, 0
        monkeypatch.setattr(pace.torch, "set_num_threads", lambda count: setattr(self, "threads", count))

    def step(self):
        self.now += self.seconds[self.threads]

    def trial(self):
        self.trials += 1
        return self.step

    def run(self, chosen, steps):
        for _ in range(steps):
            self.step()
            chosen.stepped()


def paced(machine, most=2):
    return Pace(machine.trial, most=most, clock=lambda: machine.now)


@pytest.mark.parametrize("seconds, threads", [({2: 1.0, 1: 2.0}, 2), ({2: 1.0, 1: 0.9}, 2), ({2: 6.5, 1: 0.5}, 1)])
def test_the_fastest_number_of_threads_is_taken_and_the_most_where_it_hardly_matters(monkeypatch, seconds, threads):
    machine = Machine(monkeypatch, seconds)
    with paced(machine) as chosen:
        assert (chosen.threads, machine.threads) == (threads, threads)
        assert chosen.note == ("1 thread" if threads == 1 else "2 threads")
    assert machine.threads == 2, "as it was before"


def test_a_machine_that_gets_busy_is_noticed_and_one_that_gets_idle_again(monkeypatch):
    machine = Machine(monkeypatch, {2: 0.5, 1: 0.8})
    with paced(machine) as chosen:
        machine.run(chosen, 100)
        assert (chosen.threads, machine.trials) == (2, 1), "as fast as ever: nothing is tried"
        machine.seconds = {2: 6.0, 1: 0.9}
        machine.run(chosen, 20)
        assert chosen.threads == 1
        machine.seconds = {2: 0.5, 1: 0.8}
        machine.run(chosen, 120)
        assert chosen.threads == 2 and machine.trials <= 4


def test_a_machine_that_is_slow_for_good_is_not_tried_without_end(monkeypatch):
    machine = Machine(monkeypatch, {2: 0.1, 1: 0.2})
    with paced(machine) as chosen:
        for step in range(3000):
            machine.seconds = {2: 0.1 * 1.01**step, 1: 0.2 * 1.01**step} if step < 600 else machine.seconds
            machine.run(chosen, 1)
        assert chosen.threads == 2 and machine.trials < 40


def test_one_core_has_no_choice(monkeypatch):
    machine = Machine(monkeypatch, {2: 1.0})
    with paced(machine, most=1) as chosen:
        machine.run(chosen, 50)
    assert machine.trials == 0 and machine.threads == 2, "nothing was set"


def test_a_trial_leaves_no_trace():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Dropout(0.5), nn.Flatten(), nn.Linear(144, 2))
    before, drawn = copy.deepcopy(net.state_dict()), torch.get_rng_state()
    pace.trial_step(net, torch.randn(4, 1, 8, 8, generator=torch.Generator()), torch.arange(4) % 2, torch.bfloat16)()
    with torch.no_grad():  # as where a teacher is asked
        pace.trial_step(net, torch.zeros(4, 1, 8, 8), torch.arange(4) % 2)()
    assert all(torch.equal(tensor, before[name]) for name, tensor in net.state_dict().items())
    assert all(p.grad is None for p in net.parameters()) and torch.equal(drawn, torch.get_rng_state())


@pytest.mark.parametrize(
    "seconds, best", [((0.4, 0.14), "float32"), ((0.1, 0.14), "bfloat16"), ((0.1, 0.095), "bfloat16"), ((0.01, 0.001), "bfloat16")]
)
def test_the_faster_precision_is_taken_and_the_usual_one_where_it_hardly_matters(monkeypatch, seconds, best):
    taken = dict(zip((torch.bfloat16, torch.float32), seconds))
    monkeypatch.setattr(pace, "trial_step", lambda net, batch, labels, precision: precision)
    monkeypatch.setattr(pace, "_fastest", lambda step, clock: taken[step])
    threads = torch.get_num_threads()
    found, told = pace.fastest_precision(nn.Linear(1, 1), torch.zeros(1), torch.zeros(1), torch.bfloat16)
    assert str(found) == f"torch.{best}" and told == {"bfloat16": seconds[0]} | ({"float32": seconds[1]} if seconds[0] > 0.02 else {})
    assert torch.get_num_threads() == threads
    assert pace.fastest_precision(nn.Linear(1, 1), torch.zeros(1), torch.zeros(1), torch.float32) == (torch.float32, {})
