"""Scores given by hand, for commands that only sometimes need them. Apart from `common`, which a students' copy has, too."""


def marks(course):
    """The scores given by hand in an nbgrader course folder; nbgrader is imported only where there is one."""
    from autograder.exports.nbgrader.marks import marks as read

    return read(course)
