"""Where the long trials keep their figures: autograder/results/trust.json, one entry for each trial."""

import json
import os
from datetime import date

from course_data.files import write_whole
from course_labs.measuring import machine
from tests import REPOSITORY

RESULTS = REPOSITORY / "autograder" / "results" / "trust.json"


def record(trial, figures):
    """Put the figures of one trial, and what they were measured on, in the results file."""
    try:
        known = json.loads(RESULTS.read_text(encoding="utf-8"))
    except FileNotFoundError:
        known = {}
    load = round(os.getloadavg()[0], 1)  # above the number of cores, times tell of the others who worked here
    known[trial] = {**figures, "load_average_at_the_end": load, "date": date.today().isoformat(), "machine": machine.describe()}
    write_whole(RESULTS, json.dumps(known, indent=1, sort_keys=True) + "\n")
    print(json.dumps({trial: figures}, indent=1))
