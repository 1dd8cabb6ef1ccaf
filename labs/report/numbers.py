"""Numbers as people read them: with a unit, rounded, and with a spread where there are several runs."""

from dataclasses import replace

from course_labs.report.results import Spread, Summary, Times


def accuracy(found: Summary) -> str:
    """The accuracy of a summary's row in per cent, with its spread where there is one."""
    share = found.accuracy
    return f"{number(replace(share, mean=100 * share.mean, sd=None if share.sd is None else 100 * share.sd), 2)} %"


def size(found: Spread) -> str:
    """Bytes in kB (1,000 bytes), the unit of file listings and downloads. A file's length hardly depends on the seed: no spread."""
    return f"{found.mean / 1000:,.1f} kB"


def latency(found: Spread | None, times: Times | None = None) -> str:
    """A latency in milliseconds, with its spread over runs or, given one run's `times`, from the 10th to the 90th percentile."""
    if found is None:
        return "–"
    return f"{number(found, 3)} ms" + (f" ({times.p10_ms:.3f}–{times.p90_ms:.3f})" if times else "")


def number(found: Spread, digits: int) -> str:
    """A mean, and ± its standard deviation where there are several runs."""
    more = "" if found.sd is None else f" ± {found.sd:.{digits}f}"
    return f"{found.mean:,.{digits}f}{more}"


def count(number: int) -> str:
    """A large count in thousands (k) or millions (M)."""
    return f"{number / 1e6:.2f} M" if number >= 1e6 else f"{number / 1e3:.0f} k"


def times_faster(ratio: Spread) -> str:
    """A ratio of times, teacher's to row's, in words."""
    if 0.95 < ratio.mean < 1.05:  # "1.0 times faster" would say nothing
        return "no faster"
    if ratio.mean < 1:
        return f"{1 / ratio.mean:.1f} times slower"
    return f"{number(ratio, 1)} times faster"
