"""Measurements of the course's own tools. Each writes a results file that says on which machine."""
