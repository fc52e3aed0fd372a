"""Every error Spillover raises on purpose.

SpilloverError
├── ConfigError        bad input; the command line prints it without a traceback and exits 2
│   └── UnknownKind    a kind that no registered component carries
├── LedgerError        a move that would overdraw, overflow or name something that does not exist
├── InvariantError     a named invariant does not hold; exit 4
└── PhaseError         a component failed inside a tick; carries tick and phase in its notes
"""

from difflib import get_close_matches


class SpilloverError(Exception):
    """Base of all errors raised on purpose."""


class ConfigError(SpilloverError):
    """The user's input is wrong: says where, what was found, what is allowed and what to try."""


class UnknownKind(ConfigError):
    """No component of this kind is registered in the family."""


class LedgerError(SpilloverError):
    """A posting was refused; nothing of its batch was written."""


class InvariantError(SpilloverError):
    """A named invariant of the model does not hold."""


class PhaseError(SpilloverError):
    """A component failed while a tick was running."""


MOST_NAMES = 40
"""Names that a message lists; of more than that, those nearest to what was found."""


def suggestion(found: str, allowed: list[str]) -> str:
    """Close an error message: the nearest allowed name, if any, and all of them, or the nearest of very many."""
    near = get_close_matches(found, allowed, n=1, cutoff=0.6)
    hint = f'; did you mean "{near[0]}"?' if near else "."
    if len(allowed) > MOST_NAMES:
        some = get_close_matches(found, allowed, n=10, cutoff=0.0)
        return f"{hint} Allowed: {', '.join(some)}, and {len(allowed) - len(some)} others"
    return f"{hint} Allowed: {', '.join(allowed) if allowed else '(nothing)'}"
