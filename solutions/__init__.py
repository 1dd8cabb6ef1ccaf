"""The lessons and graded labs: one folder each, with all that a person writes for it. Imported as `course_lessons`."""
