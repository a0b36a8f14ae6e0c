"""What a command ends with: one table, one line an error."""

from offchat_attachments import errors

OK = 0
UNFORESEEN = 1
USAGE = 2
TRY_AGAIN = 8
INTERRUPTED = 130

#   error                            code; the first line that fits counts
EXIT_CODES: tuple[tuple[type[errors.OffChatError], int], ...] = (
    (errors.ConfigurationError, USAGE),
    (errors.FileError, 3),
    (errors.AuthenticationError, 4),
    (errors.PermissionDeniedError, 4),
    (errors.NotFoundError, 5),
    (errors.ApiError, 6),
    (errors.StorageError, 6),
    (errors.NotReadyError, 7),
    (errors.OffChatError, UNFORESEEN),
)
IN_WORDS = """\
\b
Exit codes:
    0  done
    1  an error that nobody foresaw, or a question answered with no
    2  wrong use: an option, no address, no token
    3  a file of this machine: missing, empty, unreadable, there already,
       changed meanwhile, no space left
    4  the token does not hold, or does not allow this
    5  not there, or not for you
    6  refused by the service or by S3
    7  the file went up and is not ready: rejected, failed, expired, pending
    8  no answer, or too many requests; run the same command again
  130  interrupted; run the same command again
With several files, the code is that of the first that failed."""


def code_of(error: errors.OffChatError) -> int:
    """The exit code of an error; one that can pass by itself is worth another run."""
    if error.transient:
        return TRY_AGAIN
    return next(code for kind, code in EXIT_CODES if isinstance(error, kind))
