"""The bank of the lab Deploy and watch: answers that students really give, and right answers written differently.

A wrong answer's sentence is what a student reads when theirs behaves the same, so it says what goes wrong and why, not what to type.
`sureness`, `shares` and `psi` are the notebook's; of each exercise the last right and the last wrong answer use nothing else, for they are tried in
a notebook, too.
"""

import hashlib

import numpy as np
from scipy.special import chdtri

from autograder.checks import right, right_value, wrong, wrong_value


def sureness(logits):
    z = logits.astype(float) - logits.max(axis=1, keepdims=True)
    return -np.log(np.maximum(np.sort(np.exp(z), axis=1)[:, :-1].sum(axis=1), 1e-12))


def shares(places, bins):
    return (np.bincount(places, minlength=bins) + 0.5) / (len(places) + 0.5 * bins)


def psi(p, q):
    return float(np.sum((p - q) * np.log(p / q)))


# watch.1-predict

wrong_value("watch.1-predict", "takes the probability of one comparison for that of a whole week", predict_1="a")
wrong_value("watch.1-predict", "counts the two comparisons of one look; the week has 168 looks", predict_1="b")
wrong_value("watch.1-predict", "underrates how often 336 rare chances come true at least once", predict_1="c")
right_value("watch.1-predict", "a capital letter", predict_1="D")
right_value("watch.1-predict", "with brackets and a space", predict_1="(d) ")

# watch.2-baseline


def made(network, logits, labels, bins, **other):
    """The right baseline, with some keys put differently."""
    sure, answers, classes = sureness(logits), logits.argmax(axis=1), logits.shape[1]
    edges = np.quantile(sure, np.arange(1, bins) / bins)
    return {
        "version": 1,
        "sha256": hashlib.sha256(network).hexdigest(),
        "n": len(labels),
        "accuracy": float(100 * (answers == labels).mean()),
        "accuracy_by_class": [float(100 * (answers == labels)[labels == c].mean()) for c in range(classes)],
        "edges": edges.tolist(),
        "sureness_shares": shares(np.searchsorted(edges, sure, side="right"), bins).tolist(),
        "class_shares": shares(answers, classes).tolist(),
    } | other


@right("watch.2-baseline", "a sorted list, a dictionary of counts and the log of a sum of exponentials")
def baseline_of(network, logits, labels, bins):
    from scipy.special import logsumexp

    digest = hashlib.new("sha256")
    digest.update(network)
    n, classes = logits.shape
    answers = [int(row.argmax()) for row in logits]
    sure = np.array([row[a] - logsumexp(np.delete(row, a)) for row, a in zip(logits.astype(np.float64), answers)])
    edges = [float(np.percentile(sure, 100 * k / bins)) for k in range(1, bins)]
    places = [sum(value >= edge for edge in edges) for value in sure]
    half = [(places.count(b) + 0.5) / (n + bins / 2) for b in range(bins)]
    right_of = [[a == t for a, t in zip(answers, labels) if t == c] for c in range(classes)]
    return {
        "class_shares": [(answers.count(c) + 0.5) / (n + classes / 2) for c in range(classes)],
        "sureness_shares": half,
        "edges": edges,
        "accuracy_by_class": [100 * sum(each) / len(each) for each in right_of],
        "accuracy": 100 * sum(map(sum, right_of)) / n,
        "n": n,
        "sha256": digest.hexdigest(),
        "version": 1,
    }


@wrong("watch.2-baseline", "groups by the answers and not by the labels: how many of the images that are *called* a three are threes")
def baseline_of(network, logits, labels, bins):
    answers = logits.argmax(axis=1)
    by = [float(100 * (labels[answers == c] == c).mean()) if (answers == c).any() else 0.0 for c in range(logits.shape[1])]
    return made(network, logits, labels, bins, accuracy_by_class=by)


@wrong("watch.2-baseline", "counts the labels in place of the answers; later there are no labels to compare with")
def baseline_of(network, logits, labels, bins):
    return made(network, logits, labels, bins, class_shares=shares(labels, logits.shape[1]).tolist())


@wrong("watch.2-baseline", "divides what is right in a class by all images, so the classes add up to the accuracy")
def baseline_of(network, logits, labels, bins):
    hits = logits.argmax(axis=1) == labels
    by = [float(100 * (hits & (labels == c)).mean()) for c in range(logits.shape[1])]
    return made(network, logits, labels, bins, accuracy_by_class=by)


@wrong("watch.2-baseline", "cuts the range of the sureness into equal parts; quantiles give bins with equally many images")
def baseline_of(network, logits, labels, bins):
    sure = sureness(logits)
    edges = np.linspace(sure.min(), sure.max(), bins + 1)[1:-1]
    places = np.searchsorted(edges, sure, side="right")
    return made(network, logits, labels, bins, edges=edges.tolist(), sureness_shares=shares(places, bins).tolist())


@wrong("watch.2-baseline", "keeps the outer quantiles, too: the smallest and the largest value are no inner edges")
def baseline_of(network, logits, labels, bins):
    sure = sureness(logits)
    edges = np.quantile(sure, np.arange(bins + 1) / bins)
    places = np.searchsorted(edges, sure, side="right")
    return made(network, logits, labels, bins, edges=edges.tolist(), sureness_shares=shares(places, bins + 2).tolist())


@wrong("watch.2-baseline", "gives accuracies as shares; per cent are asked for")
def baseline_of(network, logits, labels, bins):
    whole = made(network, logits, labels, bins)
    return whole | {"accuracy": whole["accuracy"] / 100, "accuracy_by_class": [each / 100 for each in whole["accuracy_by_class"]]}


@wrong("watch.2-baseline", "leaves NumPy arrays in the dict, which JSON cannot write")
def baseline_of(network, logits, labels, bins):
    whole = made(network, logits, labels, bins)
    return whole | {key: np.array(whole[key]) for key in ("edges", "sureness_shares", "class_shares")}


@wrong("watch.2-baseline", "hashes the numbers and not the file: the baseline then fits every file")
def baseline_of(network, logits, labels, bins):
    return made(network, logits, labels, bins, sha256=hashlib.sha256(logits.tobytes()).hexdigest())


@wrong("watch.2-baseline", "stores the shares without the half image in each bin; an empty bin then makes PSI infinite")
def baseline_of(network, logits, labels, bins):
    sure, answers, classes = sureness(logits), logits.argmax(axis=1), logits.shape[1]
    edges = np.quantile(sure, np.arange(1, bins) / bins)
    places = np.searchsorted(edges, sure, side="right")
    return {
        "version": 1,
        "sha256": hashlib.sha256(network).hexdigest(),
        "n": len(labels),
        "accuracy": float(100 * (answers == labels).mean()),
        "accuracy_by_class": [float(100 * (answers == labels)[labels == c].mean()) for c in range(classes)],
        "edges": edges.tolist(),
        "sureness_shares": (np.bincount(places, minlength=bins) / len(places)).tolist(),
        "class_shares": (np.bincount(answers, minlength=classes) / len(answers)).tolist(),
    }


# watch.3-look


@right("watch.3-look", "as two divergences, with a histogram of comparisons")
def distances(baseline, logits):
    found = []
    sure = sureness(logits)
    edges = baseline["edges"]
    for places, key in (([sum(s >= e for e in edges) for s in sure], "sureness_shares"), (logits.argmax(1).tolist(), "class_shares")):
        p = np.array(baseline[key])
        q = np.array([(places.count(b) + 0.5) / (len(places) + len(p) / 2) for b in range(len(p))])
        found.append(np.dot(p, np.log(p / q)) + np.dot(q, np.log(q / p)))
    return found


@wrong("watch.3-look", "cuts the window at its own quantiles: it then fills all bins alike, whatever comes")
def distances(baseline, logits):
    sure, p, q = sureness(logits), np.array(baseline["sureness_shares"]), np.array(baseline["class_shares"])
    places = np.searchsorted(np.quantile(sure, np.arange(1, len(p)) / len(p)), sure, side="right")
    return psi(p, shares(places, len(p))), psi(q, shares(logits.argmax(axis=1), len(q)))


@wrong("watch.3-look", "compares with equal shares in place of the baseline's: what was uneven from the start looks like a change")
def distances(baseline, logits):
    size, classes = len(baseline["sureness_shares"]), len(baseline["class_shares"])
    places = np.searchsorted(baseline["edges"], sureness(logits), side="right")
    p, q = np.full(size, 1 / size), np.full(classes, 1 / classes)
    return psi(p, shares(places, size)), psi(q, shares(logits.argmax(axis=1), classes))


@wrong("watch.3-look", "gives half of the index, a divergence in one direction only")
def distances(baseline, logits):
    p, q = np.array(baseline["sureness_shares"]), np.array(baseline["class_shares"])
    places = np.searchsorted(baseline["edges"], sureness(logits), side="right")
    s, c = shares(places, len(p)), shares(logits.argmax(axis=1), len(q))
    return float(np.sum(p * np.log(p / s))), float(np.sum(q * np.log(q / c)))


@wrong("watch.3-look", "exchanges the two: the sureness comes first")
def distances(baseline, logits):
    p, q = np.array(baseline["sureness_shares"]), np.array(baseline["class_shares"])
    places = np.searchsorted(baseline["edges"], sureness(logits), side="right")
    return psi(q, shares(logits.argmax(axis=1), len(q))), psi(p, shares(places, len(p)))


@wrong("watch.3-look", "counts the classes that the logits prefer least: `argmin` is the answer that the model rejects")
def distances(baseline, logits):
    p, q = np.array(baseline["sureness_shares"]), np.array(baseline["class_shares"])
    places = np.searchsorted(baseline["edges"], sureness(logits), side="right")
    return psi(p, shares(places, len(p))), psi(q, shares(logits.argmin(axis=1), len(q)))


@wrong("watch.3-look", "puts a value that lies on an edge into the bin below; the baseline has it in the bin above")
def distances(baseline, logits):
    p, q = np.array(baseline["sureness_shares"]), np.array(baseline["class_shares"])
    places = np.searchsorted(baseline["edges"], sureness(logits), side="left")
    return psi(p, shares(places, len(p))), psi(q, shares(logits.argmax(axis=1), len(q)))


@right("watch.3-look", "a bisection on the chi-squared law")
def limits(baseline, images, false_alarms):
    from scipy.special import gammaincc

    found = []
    for key in ("sureness_shares", "class_shares"):
        half, low, high = (len(baseline[key]) - 1) / 2, 0.0, 1000.0
        for _ in range(200):
            middle = (low + high) / 2
            low, high = (middle, high) if gammaincc(half, middle / 2) > false_alarms else (low, middle)
        found.append(low / images + low / baseline["n"])
    return found


@wrong("watch.3-look", "leaves out that the baseline is a sample, too: 1/n is missing in the bracket")
def limits(baseline, images, false_alarms):
    return tuple(float(chdtri(len(baseline[key]) - 1, false_alarms) / images) for key in ("sureness_shares", "class_shares"))


@wrong("watch.3-look", "adds the numbers of images and divides then: 1/n + 1/m is not 1/(n + m)")
def limits(baseline, images, false_alarms):
    return tuple(
        float(chdtri(len(baseline[key]) - 1, false_alarms) / (images + baseline["n"])) for key in ("sureness_shares", "class_shares")
    )


@wrong("watch.3-look", "has as many degrees of freedom as bins; the shares add up to 1, so there is one fewer")
def limits(baseline, images, false_alarms):
    bracket = 1 / images + 1 / baseline["n"]
    return tuple(float(chdtri(len(baseline[key]), false_alarms) * bracket) for key in ("sureness_shares", "class_shares"))


@wrong("watch.3-look", "takes the limit of the sureness for the classes, too, which are as many as they are")
def limits(baseline, images, false_alarms):
    limit = float(chdtri(len(baseline["sureness_shares"]) - 1, false_alarms) * (1 / images + 1 / baseline["n"]))
    return limit, limit


@wrong("watch.3-look", "looks at the wrong end: this limit is exceeded nearly always")
def limits(baseline, images, false_alarms):
    bracket = 1 / images + 1 / baseline["n"]
    return tuple(float(chdtri(len(baseline[key]) - 1, 1 - false_alarms) * bracket) for key in ("sureness_shares", "class_shares"))


# watch.4-alarm


def looked(baseline, logits, start, step, share, which=(0, 1), limit=None, first=None):
    """The number of images at the first look that rings. `start(seen)` is where the window begins."""
    sure, said, edges = sureness(logits), logits.argmax(axis=1), baseline["edges"]
    places = np.searchsorted(edges, sure, side="right")
    p, q = np.array(baseline["sureness_shares"]), np.array(baseline["class_shares"])
    for seen in range(first or step, len(logits) + 1, step):
        window = slice(start(seen), seen)
        m = seen - start(seen)
        found = psi(p, shares(places[window], len(p))), psi(q, shares(said[window], len(q)))
        bracket = 1 / baseline["n"] + 1 / m
        allowed = [limit or chdtri(len(each) - 1, share) * bracket for each in (p, q)]
        if any(found[i] > allowed[i] for i in which):
            return seen
    return None


@right("watch.4-alarm", "one window of 200 images after the other")
def alarm_at(baseline, logits):
    return looked(baseline, logits, lambda seen: seen - 200, 200, 1e-4)


@right("watch.4-alarm", "long windows that overlap much, and a very small probability")
def alarm_at(baseline, logits):
    return looked(baseline, logits, lambda seen: seen - 300, 25, 1e-6, first=300)


@right("watch.4-alarm", "the folk rule of 0.2, on windows for which it is a sensible limit")
def alarm_at(baseline, logits):
    return looked(baseline, logits, lambda seen: seen - 250, 50, None, limit=0.2, first=250)


@right("watch.4-alarm", "evidence added up image by image, for each bin that becomes rarer or more common")
def alarm_at(baseline, logits):
    sure, said = sureness(logits), logits.argmax(axis=1)
    places = np.searchsorted(baseline["edges"], sure, side="right")
    for seen_in, key in ((places, "sureness_shares"), (said, "class_shares")):
        base = np.array(baseline[key])
        hit = seen_in[:, None] == np.arange(len(base))
        gains = []
        for factor in (0.2, 2.0):  # each bin: five times as rare, or twice as common
            other = np.minimum(factor * base, 0.9)
            gains.append(np.where(hit, np.log(other / base), np.log((1 - other) / (1 - base))))
        total = np.cumsum(np.concatenate(gains, axis=1), axis=0)
        above = total - np.minimum(np.minimum.accumulate(total, axis=0), 0)
        rings = (above > 20).any(axis=1)
        where = int(rings.argmax()) + 1 if rings.any() else None
        if key == "sureness_shares":
            first = where
    return min((each for each in (first, where) if each), default=None)


@right("watch.4-alarm", "two windows, a short one for what shows at once and a long one for a missing class")
def alarm_at(baseline, logits):
    both = (
        looked(baseline, logits, lambda seen: seen - 100, 25, 1e-6, first=100),
        looked(baseline, logits, lambda seen: seen - 400, 100, 1e-4, first=400),
    )
    return min((each for each in both if each is not None), default=None)


@right("watch.4-alarm", "a p-value of SciPy's for two rows of counts, and a NumPy number")
def alarm_at(baseline, logits):
    from scipy.stats import chi2_contingency

    n, edges = baseline["n"], baseline["edges"]
    rows = (
        (np.searchsorted(edges, sureness(logits), side="right"), baseline["sureness_shares"]),
        (logits.argmax(axis=1), baseline["class_shares"]),
    )
    for seen in np.arange(300, len(logits) + 1, 60):
        for places, base in rows:
            counts = np.bincount(places[seen - 300 : seen], minlength=len(base)) + 0.5
            if chi2_contingency(np.array([n * np.array(base) + 0.5, counts]))[1] < 1e-5:
                return seen
    return None


@wrong("watch.4-alarm", "watches the sureness only: when a class no longer comes, the model is as sure as ever")
def alarm_at(baseline, logits):
    return looked(baseline, logits, lambda seen: seen - 250, 50, 1e-5, which=(0,), first=250)


@wrong("watch.4-alarm", "watches the answers only: with another camera the model is less sure, and answers all classes as before")
def alarm_at(baseline, logits):
    return looked(baseline, logits, lambda seen: seen - 250, 50, 1e-5, which=(1,), first=250)


@wrong("watch.4-alarm", "allows 5 % of false alarms for each comparison, however many there are")
def alarm_at(baseline, logits):
    return looked(baseline, logits, lambda seen: seen - 250, 50, 0.05, first=250)


@wrong("watch.4-alarm", "takes the folk rule of 0.2 for windows of 50 images, which jump about by more than that without any fault")
def alarm_at(baseline, logits):
    return looked(baseline, logits, lambda seen: seen - 50, 50, None, limit=0.2)


@wrong("watch.4-alarm", "takes everything since the start for the window: the longer all was well, the less a missing class weighs")
def alarm_at(baseline, logits):
    return looked(baseline, logits, lambda seen: 0, 50, 1e-6, first=250)


@wrong("watch.4-alarm", "looks at the first images of the stream again and again, not at the last ones")
def alarm_at(baseline, logits):
    return looked(baseline, logits[:250], lambda seen: 0, 250, 1e-5)


@wrong("watch.4-alarm", "says where the window begins that rang; the alarm is raised at its end, when those images have come")
def alarm_at(baseline, logits):
    seen = looked(baseline, logits, lambda seen: seen - 250, 50, 1e-5, first=250)
    return None if seen is None else max(1, seen - 250)


@wrong("watch.4-alarm", "gives the number of the look in place of the number of images")
def alarm_at(baseline, logits):
    seen = looked(baseline, logits, lambda seen: seen - 250, 50, 1e-5, first=250)
    return None if seen is None else (seen - 250) // 50 + 1


@wrong("watch.4-alarm", "rings only where both distances are above their limits; a fault may show in one of them alone")
def alarm_at(baseline, logits):
    for seen in range(250, len(logits) + 1, 50):
        window = logits[seen - 250 : seen]
        both = [looked(baseline, window, lambda each: 0, 250, 1e-5, which=(i,)) for i in (0, 1)]
        if all(both):
            return seen
    return None


@wrong("watch.4-alarm", "waits for windows of 1,500 images: the alarm comes long after the fault, or never")
def alarm_at(baseline, logits):
    return looked(baseline, logits, lambda seen: seen - 1500, 1500, 1e-4)


@wrong("watch.4-alarm", "looks ahead: it judges the stream when it is over, and puts the alarm to where the change began")
def alarm_at(baseline, logits):
    if looked(baseline, logits, lambda seen: seen - 250, 50, 1e-5, first=250) is None:
        return None
    said = np.eye(logits.shape[1])[logits.argmax(axis=1)]
    both = np.concatenate([said, sureness(logits)[:, None] / 5], axis=1)
    sums, n = np.cumsum(both, axis=0), len(both)
    at = np.arange(1, n)[:, None]
    gap = ((sums[:-1] / at - (sums[-1] - sums[:-1]) / (n - at)) ** 2).sum(axis=1) * (at * (n - at))[:, 0] / n
    return min(int(gap.argmax()) + 40, n)


@wrong("watch.4-alarm", "watches whether the model gets less sure; forgotten normalisation makes it surer, and a missing class neither")
def alarm_at(baseline, logits):
    places = np.searchsorted(baseline["edges"], sureness(logits), side="right")
    low = np.cumsum(np.array(baseline["sureness_shares"]))
    half = int(np.argmin(np.abs(low - 0.5)))
    for seen in range(250, len(logits) + 1, 50):
        share = (places[seen - 250 : seen] <= half).mean()
        if share - low[half] > 5 * np.sqrt(0.25 * (1 / 250 + 1 / baseline["n"])):
            return seen
    return None
