"""The one exception that is meant for a person: what went wrong, where, and what to do."""


class UserError(Exception):
    """Something the user can put right. The message says what happened and what to do; no traceback is needed."""
