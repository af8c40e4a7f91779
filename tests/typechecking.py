"""Checks annotations of the package, shapes of arrays among them, whenever tests call it."""

from beartype import BeartypeConf, beartype
from beartype.roar import BeartypeDecorHintException

_CONF = BeartypeConf(is_pep484_tower=True)  # an int is a float


def checked(function):
    """The function with its arguments and its result checked."""
    hints = getattr(function, "__annotations__", {})
    if any("IO[" in str(hint) for hint in hints.values()):  # members of archives are none
        return function
    try:
        return beartype(conf=_CONF)(function)
    except BeartypeDecorHintException:  # of a protocol, or of the class itself
        return function
