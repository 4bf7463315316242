"""Why a request has no user."""


class AuthdError(Exception):
    """No user stands behind the request."""


class InvalidToken(AuthdError):
    """The token is not good: authd says so, or it is plain without asking."""


class TooEarly(InvalidToken):
    """The token is authd's, and of a time that has not come here: a clock is wrong."""


class Unavailable(AuthdError):
    """Nobody can say whether the token is good. It is not let through, and not called bad either."""


class NotOurs(Unavailable):
    """What came is no answer of authd's."""


class NoLocalUser(AuthdError):
    """The token is good, but no row of the local table may stand for who is behind it."""
