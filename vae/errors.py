"""The errors a person may meet. Each message names the thing, the value and the way out."""


def readable(text: str) -> str:
    """Text that every file, terminal and JSON takes: bytes of a file's name that are no UTF-8 become U+FFFD."""
    try:
        raw = text.encode("utf-8", "surrogateescape")  # the bytes that Python read the name from
    except UnicodeEncodeError:  # half a character, as Windows and JSON can hold it
        raw = text.encode("utf-8", "surrogatepass")
    return raw.decode("utf-8", "replace")


class VAEError(Exception):
    """Anything this library refuses; its text is meant to be shown as it is."""

    def __init__(self, text: str = ""):
        super().__init__(readable(text))


def in_a_line(error: Exception) -> str:
    """What an error of any library says, in one line; its kind where it says nothing."""
    return " ".join(str(error).split()) or type(error).__name__


class ConfigError(VAEError):
    """A configuration field that is unknown, of the wrong type or out of range."""


class DataError(VAEError):
    """A data set that is missing, damaged or unknown."""


class CheckpointError(VAEError):
    """A model folder that is missing, damaged, of another format, or in the way."""


class TrainingError(VAEError):
    """Training that cannot go on: divergence, a wrong resume."""


class InputError(VAEError):
    """A question whose field has a wrong shape, type or value."""


class ServerError(VAEError):
    """A server that cannot start: an address that is taken, unknown or not of this computer, a wrong flag."""
