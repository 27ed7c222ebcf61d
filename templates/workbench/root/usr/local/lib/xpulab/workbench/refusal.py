"""What the person who started the container has to put right."""

EX_CONFIG = 78


class Refused(Exception):
    """The workbench cannot run as it was started; the message says why and what to do."""
