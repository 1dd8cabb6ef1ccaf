"""On the path of every Python that a notebook starts: what stands here is read first."""
