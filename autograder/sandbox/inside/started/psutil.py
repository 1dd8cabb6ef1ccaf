"""For a Python that a notebook starts: joblib's workers do without psutil, but not with one that finds no process."""

raise ImportError("psutil sees no processes here")
