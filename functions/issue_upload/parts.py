"""How a file is cut into parts (S3 guide, "Amazon S3 multipart upload limits")."""

from attachments.errors import InvalidRequestError

MIN_PART_BYTES = 5 * 2**20  # of every part but the last
MAX_PARTS = 10_000


def part_size(file_size: int) -> int:
    """Bytes of every part but the last: as few as S3 takes, so that little is sent twice."""
    return max(MIN_PART_BYTES, -(-file_size // MAX_PARTS))


def size_of_part(file_size: int, number: int) -> int:
    """Bytes of one part, the first being number 1. Raises InvalidRequestError for one too many."""
    whole = part_size(file_size)
    begin = (number - 1) * whole
    if begin >= file_size:
        problem = f"The declared size has parts 1 to {-(-file_size // whole)}."
        raise InvalidRequestError(problem, fields={"partNumber": problem})
    return min(whole, file_size - begin)
