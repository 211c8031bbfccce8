"""The errors a person may meet. Each message names the thing, the value and the way out."""


def readable(text: str) -> str:
    """Text that every file, terminal and JSON takes: bytes of a file's name that are no UTF-8 become U+FFFD."""
    try:
        raw = text.encode("utf-8", "surrogateescape")  # the bytes that Python read the name from
    except UnicodeEncodeError:  # half a character, as Windows and JSON can hold it
        raw = text.encode("utf-8", "surrogatepass")
    return raw.decode("utf-8", "replace")


class VAEError(Exception):
    """Anything this library refuses; its text is meant to be shown as it is.

    `advice` is a way out that is open only to whoever owns the folders: it ends the text, and `public` leaves it out.
    """

    def __init__(self, text: str = "", advice: str = ""):
        super().__init__(readable(f"{text}; {advice}." if advice else text))
        self.public = readable(f"{text}." if advice else text)


def in_a_line(error: Exception) -> str:
    """What an error of any library says, in one line; its kind where it says nothing."""
    return " ".join(str(error).split()) or type(error).__name__


class ConfigError(VAEError):
    """A configuration field that is unknown, of the wrong type or out of range."""


class DataError(VAEError):
    """A data set that is missing, damaged or unknown."""


class CheckpointError(VAEError):
    """A model folder that is missing, damaged, of another format, or in the way."""


class UnreadableError(CheckpointError, DataError):
    """A file or folder that the system could not give now: nothing is wrong with it, and the next try may find it."""


def unreadable(what: object, error: OSError | MemoryError) -> UnreadableError:
    """What a system's error says of a file or folder: too many open files, no memory, a disk that hesitates."""
    reason = "out of memory" if isinstance(error, MemoryError) else error.strerror or in_a_line(error)
    return UnreadableError(f"{what} could not be read now ({reason}); try again.")


class TrainingError(VAEError):
    """Training that cannot go on: divergence, a wrong resume."""


class InputError(VAEError):
    """A question whose field has a wrong shape, type or value."""


class ServerError(VAEError):
    """A server that cannot start: an address that is taken, unknown or not of this computer, a wrong flag."""
