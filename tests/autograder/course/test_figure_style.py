"""What all figures of the course share."""

import matplotlib.pyplot as plt

from autograder.course.figure_style import figure


@figure
def _drawn(low, high):
    made, axes = plt.subplots()
    axes.set(yscale="log", ylim=(low, high))
    return made


def _labels(low, high):
    made = _drawn(low, high)
    made.draw_without_rendering()
    axis = made.axes[0].yaxis
    return [
        text.get_text()
        for text in (*axis.get_ticklabels(), *axis.get_ticklabels(minor=True))
        if text.get_text() and low <= text.get_position()[1] <= high
    ]


def test_a_logarithmic_axis_has_plain_numbers():
    assert _labels(0.004, 30) == ["0.01", "0.1", "1", "10"]


def test_within_one_power_of_ten_small_ticks_have_numbers_too():
    labels = _labels(1.5, 8)
    assert {"2", "3", "4", "6"} <= set(labels)
    assert not any("$" in each for each in labels)


def test_many_powers_of_ten_stay_powers():
    assert all("10^" in each for each in _labels(1e-9, 1e3))
